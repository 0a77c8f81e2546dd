# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the documentation that the tests run, and how they check the others.

They run the commands for the embedded AWS, the load tester's own, and ansible-doc. The others need an account, an
engine or packages; the tests check that their playbook, variables, target, operation or file exists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import botocore.session
import yaml
from fences import ROOT, Command, files
from known_variables import problems

PLAYBOOK_FLAGS = {"--check", "--diff", "-v"}
# Commands of the AWS command line itself: https://docs.aws.amazon.com/cli/latest/reference/configure/
OWN_COMMANDS = {("configure", "list-profiles"), ("configure", "sso"), ("sso", "login")}
# https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-options.html, and its paging
OWN_OPTIONS = {"profile", "region", "query", "output", "endpoint-url", "no-cli-pager", "max-items", "page-size"}
ASSIGNMENT = re.compile(r"[A-Z_]+=.+", re.DOTALL)
# Their arguments are files and directories of this project, or cannot be checked.
TOOLS = ("antsibull-changelog", "docker", "git", "pip", "pytest", "python", "tests/molecule.sh")


def is_run(command: Command) -> bool:
    """Return whether a command is run rather than checked; other tests cover real container engines."""
    match command.words[0]:
        case "ddbload" | "ansible-doc":
            return True
        case "ansible-playbook":
            given = variables(command)
            return given.get("env") == "local" and given.get("local_task_engine", "process") == "process"
        case _:
            return False


def is_an_end(command: Command) -> bool:
    """Return whether a command removes resources that others need."""
    return any("teardown" in word or word == "local_aws_state=stopped" for word in command.words)


def check(command: Command) -> None:
    """Check a command, whether it is run or not.

    Raises:
        AssertionError: a part of it does not exist, or its kind is unknown.
    """
    first = command.words[0]
    assert first in KINDS, f"{command.location}: how is {first} to be checked? Add it to tests/docs/command_kinds.py"
    assert not [word for word in command.words if re.search(r"<\w|…", word)], f"{command.location}: a placeholder in it"
    KINDS[first](command)
    for word in command.words:
        top = word.partition("/")[0]
        if "/" in word and top != "results" and (ROOT / top).is_dir() and top:
            assert (ROOT / word).exists(), f"{command.location}: there is no {word}"


def variables(command: Command) -> dict[str, Any]:
    """Return the variables of a call of ansible-playbook."""
    given: dict[str, Any] = {}
    for option, value in zip(command.words, command.words[1:], strict=False):
        if option != "-e":
            continue
        if value.startswith("@"):
            given |= yaml.safe_load(files()[value[1:]])
        elif value.startswith("{"):
            given |= json.loads(value)
        else:
            name, _equals, text = value.partition("=")
            given[name] = text
    return given


def _playbook(command: Command) -> None:
    _program, playbook, *options = command.words
    assert (ROOT / playbook).is_file(), f"{command.location}: there is no {playbook}"
    given = variables(command)
    if playbook.endswith("new-system.yml"):
        assert given.keys() == {"system"}, f"{command.location}: new-system takes the system's name alone"
        given = {}
    elif playbook.endswith("package.yml"):
        assert "system" in given, f"{command.location}: no system"
    else:
        assert "env" in given, f"{command.location}: no environment"
    if playbook.endswith("run-job.yml"):
        assert "job" in given, f"{command.location}: no job"
    assert problems(given) == [], command.location
    flags = {word for before, word in zip(["", *options], options, strict=False) if before != "-e"} - {"-e"}
    assert flags <= PLAYBOOK_FLAGS, command.location


def _make(command: Command) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for word in command.words[1:]:
        assert word in targets or word.startswith("ARGS="), f"{command.location}: no target {word}"


def _aws(command: Command) -> None:
    _program, service, operation, *rest = command.words
    options = [word.removeprefix("--") for word in rest if word.startswith("--")]
    if (service, operation) in OWN_COMMANDS:
        assert set(options) <= OWN_OPTIONS, command.location
        return
    model = botocore.session.Session().get_service_model(service)
    known = {_dashed(name): name for name in model.operation_names}
    assert operation in known, f"{command.location}: {service} has no {operation}"
    members = model.operation_model(known[operation]).input_shape.members
    names = {_dashed(name) for name in members} | OWN_OPTIONS
    # A boolean option has a negative form, and takes no value.
    for option in options:
        assert option in names or option.removeprefix("no-") in names, f"{command.location}: no option --{option}"


def _dashed(name: str) -> str:
    return str(botocore.xform_name(name, "-"))


def _export(command: Command) -> None:
    assert all(ASSIGNMENT.fullmatch(word) for word in command.words[1:]), command.location


def _tool(command: Command) -> None:
    assert len(command.words) > 1, command.location


def _run(command: Command) -> None:
    assert is_run(command), command.location


KINDS: dict[str, Callable[[Command], None]] = {
    "ansible-doc": _run,
    "ansible-playbook": _playbook,
    "aws": _aws,
    "ddbload": _run,
    "export": _export,
    "make": _make,
    **dict.fromkeys(TOOLS, _tool),
}


def in_order(commands: list[Command]) -> list[Command]:
    """Return the commands to run, each once; those that remove the environment come last."""
    once: dict[tuple[str, ...], Command] = {}
    for command in filter(is_run, commands):
        once.setdefault(command.words, command)
    return sorted(once.values(), key=is_an_end)
