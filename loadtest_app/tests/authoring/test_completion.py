# SPDX-License-Identifier: Apache-2.0
"""The completions, in real shells: commands, options, choices and files."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from authoring.completions import generated
from ddbload import cli
from ddbload.authoring import completion

# Takes a line and what it is to be completed to at least; returns what it is completed to.
Ask = Callable[[str, set[str]], set[str]]
BASH = """
source {file}
words=({words})
COMP_WORDS=("${{words[@]}}" {last!r}) COMP_CWORD={count}
_shtab_ddbload
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
LONGEST_S = 30.0


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_completions_are_those_of_the_parser(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``python loadtest_app/tests/authoring/completions.py`` writes them again."""
    assert cli.main(["completion", shell]) == 0
    assert capsys.readouterr().out == generated(shell)


def test_an_unknown_shell_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["completion", "csh"])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "csh" in line and "bash" in line


def run(folder: Path, *command: str) -> list[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST_S, check=True)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


def ask_bash(folder: Path, line: str, _expected: set[str]) -> set[str]:
    """Return what bash completes a line to, which its completion function gives for the words of it."""
    *words, last = line.split(" ")
    text = BASH.format(file=completion.path_of("bash"), words=" ".join(words), last=last, count=len(words))
    return {found.rstrip() for found in run(folder, "bash", "--norc", "-c", text)}


def ask_fish(folder: Path, line: str, _expected: set[str]) -> set[str]:
    """Return what fish completes a line to, without the descriptions."""
    text = f"source {completion.path_of('fish')}; complete -C '{line}'"
    return {found.partition("\t")[0] for found in run(folder, "fish", "--no-config", "-c", text)}


def ask_zsh(folder: Path, line: str, expected: set[str]) -> set[str]:
    """Return the words that zsh lists on a terminal for a line, after a tab."""
    functions = folder / ".functions"
    functions.mkdir(exist_ok=True)
    shutil.copy(completion.path_of("zsh"), functions / "_ddbload")
    child, terminal = pty.fork()
    if not child:
        os.chdir(folder)
        os.environ |= {"PS1": "READY> ", "TERM": "dumb", "COLUMNS": "300", "LC_ALL": "C.UTF-8"}
        os.execvp("zsh", ["zsh", "-f", "-i"])
    try:
        setup = f"fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -d .dump; echo SET''UP\n"
        os.write(terminal, setup.encode())
        read_words(terminal, {"SETUP"})
        os.write(terminal, f"{line}\t".encode())
        return read_words(terminal, expected)
    finally:
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


def read_words(terminal: int, expected: set[str]) -> set[str]:
    """Read a terminal until the expected words have come; returns all words up to then."""
    shown, found, deadline = "", set[str](), time.monotonic() + LONGEST_S
    while not expected <= found and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1.0)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
            found = set(re.findall(r"[\w.-]+", shown))
    return found


@pytest.fixture(params=completion.SHELLS)
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    """What a shell completes a line to, in a folder with a results file and a scenario."""
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed: its completion is not tried")
    for name in ("results.json", "scenario.json"):
        (tmp_path / name).touch()
    asked = {"bash": ask_bash, "zsh": ask_zsh, "fish": ask_fish}[request.param]
    return lambda line, expected: asked(tmp_path, line, expected)


def test_commands_are_completed(ask: Ask) -> None:
    commands = {"run", "validate", "merge", "report", "compare", "init", "schema", "completion"}
    assert ask("ddbload ", commands) >= commands


def test_options_of_the_command_are_completed(ask: Ask) -> None:
    options = {"--html", "--junit", "--colour"}
    found = ask("ddbload report --", options)
    assert found >= options
    assert "--scenario" not in found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ddbload completion ", {"bash", "zsh", "fish"}),
        ("ddbload report --colour ", {"auto", "always", "never"}),
        ("ddbload report ", {"results.json", "scenario.json"}),
        ("ddbload run --scenario ", {"results.json", "scenario.json"}),
    ],
)
def test_choices_and_files_are_completed(ask: Ask, line: str, expected: set[str]) -> None:
    assert ask(line, expected) >= expected


@pytest.mark.parametrize("command", ["schema", "completion bash"])
def test_a_reader_that_closes_the_pipe_is_no_error(command: str) -> None:
    text = f"{sys.executable} -m ddbload {command} | head -c 10; echo; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("0", "")
