# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of workflows: expressions, shells and outputs as GitHub has them, and errors for everything else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from workflow_expressions import UnknownExpressionError, resolved
from workflow_run import Runner

CONTEXTS = {
    "inputs": {"environment": "dev"},
    "vars": {"IMAGE": "images"},
    "github": {"event_name": "push", "event": {"base": {"sha": "0a1b"}}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("oneshot-${{ inputs.environment }}-${{ vars.IMAGE }}", "oneshot-dev-images"),
        ("${{ vars.MISSING || format('{1}-{0}', inputs.environment, 'x') }}", "x-dev"),
        ("${{ vars.IMAGE || 'other' }}", "images"),
        ("${{ vars.MISSING }}", ""),
        ("${{ github.event.base.sha }}", "0a1b"),
        ("${{ github.event_name == 'push' }} ${{ github.event_name != 'push' }}", "true false"),
        ("${{ 'it''s' }}", "it's"),
    ],
)
def test_an_expression_has_its_value(text: str, value: str) -> None:
    assert resolved(text, CONTEXTS) == value


@pytest.mark.parametrize(
    "expression",
    ["inputs.missing", "secrets.KEY", "success()", "a &&", "inputs.environment dev", "format('x'", "1 + 1"],
)
def test_an_unknown_expression_is_an_error(expression: str) -> None:
    with pytest.raises(UnknownExpressionError):
        resolved(f"${{{{ {expression} }}}}", CONTEXTS)


def runner_of(directory: Path, job: dict[str, Any], **document: Any) -> Runner:
    """Return a runner of a workflow with one job."""
    workflows = directory / "repository" / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (directory / "jobs").mkdir()
    (workflows / "one.yml").write_text(yaml.safe_dump({"jobs": {"one": job}, **document}))
    return Runner(directory / "repository", directory / "jobs", {}, {}, {}, {"PATH": os.environ["PATH"]})


@pytest.mark.parametrize(("document", "code"), [({}, 0), ({"defaults": {"run": {"shell": "bash"}}}, 1)])
def test_a_named_shell_fails_in_the_middle_of_a_pipe(tmp_path: Path, document: dict[str, Any], code: int) -> None:
    """GitHub's own shell ignores a failure before the last command of a pipe."""
    run = runner_of(tmp_path, {"steps": [{"run": "false | true"}, {"run": "echo next"}]}, **document).run(
        "one", "one.yml"
    )
    assert [step.code for step in run.steps] == ([1] if code else [0, 0])


def test_outputs_of_steps_are_outputs_of_the_job(tmp_path: Path) -> None:
    steps = [{"id": "first", "run": 'echo "word=$WORD" >>"$GITHUB_OUTPUT"; echo seen >>"$GITHUB_STEP_SUMMARY"'}]
    job = {"env": {"WORD": "${{ 'a' }}"}, "outputs": {"found": "${{ steps.first.outputs.word }}"}, "steps": steps}
    run = runner_of(tmp_path, job).run("one", "one.yml")
    assert (run.outputs, run.summary) == ({"found": "a"}, "seen\n")


@pytest.mark.parametrize(
    "job",
    [
        {"services": {}, "steps": []},
        {"steps": [{"run": "true", "continue-on-error": True}]},
        {"steps": [{"run": "echo ${{ github.ref }}"}]},
        {"steps": [], "needs": "other"},
        {"steps": [], "if": "'a' == 'b'"},
        {"steps": [], "strategy": {"matrix": {"environment": ["dev"]}}},
    ],
)
def test_a_job_that_the_runner_cannot_run_is_an_error(tmp_path: Path, job: dict[str, Any]) -> None:
    with pytest.raises(UnknownExpressionError):
        runner_of(tmp_path, job).run("one", "one.yml")
