# SPDX-License-Identifier: Apache-2.0
"""What editors make of the schema: the language servers of VS Code (JSON) and of YAML are the judges."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ddbload.authoring import schema

EDITORS = Path(__file__).parents[1] / "editors"
GOOD = {
    "plan": {"type": "ramp", "start": 1},
    "mix": {"put": 1, "get": {"keys": "zipfian"}, "own": {"operation": "scan", "segments": 2}},
    "thresholds": ["put.p99 < 20ms", {"threshold": "failed < 1%", "abort": True}],
    "item": {"size": {"type": "choices", "weights": {"400": 9}}},
    "cleanup": True,
}
BAD = {
    "plan": {"type": "ramp", "rate": 1},
    "mix": {"put": 99999, "get": {"keys": "zipf"}, "own": {"weight": 1}},
    "thresholds": ["put.p98 < 20ms"],
    "conections": 4,
}
PROBLEMS = {
    "Property rate is not allowed.",
    "Value is above the maximum of 10000.",
    'Value is not accepted. Valid values: "uniform", "sequential", "zipfian", "hot_set", "latest".',
    'Missing property "operation".',
    'Must read like "put.p99 < 20ms" or "throttled < 0.1%", with a metric and a unit of it.',
    "Property conections is not allowed.",
}
# ^ is where the editor is asked.
ASKED = {
    "plan.json": '{"plan": {"type": "ramp", ^}}',
    "plan.yml": "plan:\n  type: ramp\n  ^\n",
    "entry.json": '{"mix": {"scan": {^}}}',
    "entry.yml": "mix:\n  scan:\n    ^\n",
    "hover.json": '{"war^m_up": 1}',
    "hover.yml": "war^m_up: 1\n",
}


def document(name: str, text: str) -> dict[str, Any]:
    at = text.find("^")
    return {"name": name, "text": text.replace("^", ""), "complete": at if at >= 0 else None}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The answers of both language servers, which npm installs by the lock."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        pytest.skip("npm and node are not installed: no language server judges the schema")
    modules = tmp_path_factory.mktemp("editors")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(EDITORS / name, modules)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(modules)]
    done = subprocess.run(install, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot install the language servers, none judges the schema: {done.stderr[-300:]}")
    shown = [
        document(f"{name}.{kind}", json.dumps(text))
        for name, text in (("good", GOOD), ("bad", BAD))
        for kind in ("json", "yml")
    ]
    question = {"schema": schema.schema(), "documents": shown + [document(*asked) for asked in ASKED.items()]}
    command = [node, str(EDITORS / "ask.mjs"), str(modules)]
    asked = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(asked.stdout)
    return found


@pytest.mark.parametrize("kind", ["json", "yml"])
def test_an_editor_marks_what_is_wrong_and_no_more(answers: dict[str, Any], kind: str) -> None:
    assert answers[f"good.{kind}"]["problems"] == []
    assert set(answers[f"bad.{kind}"]["problems"]) == PROBLEMS


@pytest.mark.parametrize("kind", ["json", "yml"])
def test_an_editor_completes_the_fields_of_the_kind(answers: dict[str, Any], kind: str) -> None:
    """An editor offers the fields of the plan's type and of the entry's operation, and no others."""
    assert set(answers[f"plan.{kind}"]["labels"]) == {"start", "end", "duration", "arrivals"}
    entry = {"operation", "weight", "consistent", "limit", "index", "segments"}
    assert set(answers[f"entry.{kind}"]["labels"]) == entry


@pytest.mark.parametrize("kind", ["json", "yml"])
def test_an_editor_shows_the_bounds_of_a_field(answers: dict[str, Any], kind: str) -> None:
    assert "A number from 0 to 604,800" in answers[f"hover.{kind}"]["hover"]
