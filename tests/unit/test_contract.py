# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract between the load tester and the collection: exit codes, event names, the start of metric lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import ddbload
import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import fails
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.exit_codes import DDBLOAD_MEANINGS
from ansible_collections.gantry.ecs.plugins.module_utils.live import events as shown
from ddbload import cli
from ddbload.results import events as written
from ddbload.results import exit_codes

ROOT = Path(__file__).parents[2]
FIGURES = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
CODES = {0, *exit_codes.REASONS}


def events_in(source: str) -> Iterator[str]:
    """Yield the names of the events that a file writes: the first argument of a call of `write`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "write":
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and str(argument.value).startswith("run."):
                    yield str(argument.value)


def test_an_event_is_found_where_it_is_written() -> None:
    """The search below finds calls of `write`, and nothing else."""
    source = 'self.events.write(\n    "run.a", size=1)\nfile.write("text")\nwriter.of(1).write("run.b")'
    assert sorted(events_in(source)) == ["run.a", "run.b"]


def test_every_event_is_shown_and_documented() -> None:
    files = [path for folder in ddbload.__path__ for path in Path(folder).rglob("*.py")]
    names = {name for path in files for name in events_in(path.read_text(encoding="utf-8"))}
    assert names == shown.EVENTS
    assert names == set(re.findall(r"^### `(run\.[a-z]+)`$", FIGURES, re.MULTILINE))


def test_metric_lines_start_the_same() -> None:
    assert written.METRICS_START == shown.METRICS_START


def test_exit_codes_have_one_meaning() -> None:
    constants = {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
    assert constants == CODES == DDBLOAD_MEANINGS.keys()
    assert set(exit_codes.BY_SEVERITY) == CODES - {exit_codes.PASSED}
    table = dict(re.findall(r"^\| (\d) \| (?:`([a-z_]+)`)? ?\|", FIGURES, re.MULTILINE))
    assert table == {"0": ""} | {str(code): name for code, name in exit_codes.REASONS.items()}
    assert {int(code) for code in re.findall(r"(?<![\d-])(\d) [a-z]", cli.EXIT_CODES)} == CODES


def test_each_meaning_starts_as_in_the_help_of_the_command() -> None:
    texts = " ".join(cli.EXIT_CODES.split())
    for code, meaning in DDBLOAD_MEANINGS.items():
        assert f"{code} {meaning.what.split(' or nothing')[0]}" in texts


def test_the_role_fails_on_every_code_but_those_judged_later() -> None:
    tasks = yaml.safe_load((ROOT / "roles" / "load_test" / "tasks" / "main.yml").read_text(encoding="utf-8"))
    (expression,) = (task["gantry.ecs.ecs_task_run"]["fail_on"] for task in tasks if "gantry.ecs.ecs_task_run" in task)
    several, one = (re.findall(r"'([^']+)'", part) for part in re.split(r" if .* else ", expression))
    assert {code for code in range(256) if not fails(code, one)} == {exit_codes.PASSED}
    assert {code for code in range(256) if not fails(code, several)} == {
        exit_codes.PASSED,
        exit_codes.THRESHOLD_FAILED,
    }
