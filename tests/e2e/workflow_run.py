# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the jobs of GitHub workflows on this machine: each step in its order, actions by stand-ins of their name."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from workflow_expressions import UnknownExpressionError, as_text, evaluated, resolved

# What the runner reads of a job and of a step; a workflow with another key needs more of the runner.
JOB_KEYS = {
    *("needs", "if", "environment", "env", "outputs", "strategy", "steps", "uses", "with"),
    # Rights, machines, times and queues are GitHub's.
    *("permissions", "runs-on", "timeout-minutes", "concurrency"),
}
STEP_KEYS = {"name", "id", "uses", "with", "run"}
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
SHELLS = {None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}
STEP_SECONDS = 600.0


@dataclass
class Step:
    """A step that ran: its title, exit code and output."""

    title: str
    code: int
    output: str

    @property
    def words(self) -> str:
        """The output without its line breaks."""
        return " ".join(self.output.split())


@dataclass
class JobRun:
    """A job on a machine of its own.

    Attributes:
        directory: its workspace.
        contexts: values of its expressions, by context and name.
        variables: environment variables of its steps.
        steps: those that ran.
        outputs: of the job.
        summary: what its steps wrote into the summary.
    """

    directory: Path
    contexts: dict[str, Any]
    variables: dict[str, str]
    definition: Mapping[str, Any]
    shell: list[str]
    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def is_passing(self) -> bool:
        """Whether each step that ran passed."""
        return all(step.code == 0 for step in self.steps)

    @property
    def summary(self) -> str:
        """What the steps wrote into the job's summary."""
        path = self.directory.parent / "summary"
        return path.read_text() if path.exists() else ""

    @property
    def output(self) -> str:
        """The output of all steps."""
        return "\n".join(f"== {step.title}: {step.code}\n{step.output}" for step in self.steps)


# A stand-in for an action: it gets the job and the action's inputs.
Action = Callable[[JobRun, Mapping[str, str]], None]


@dataclass
class Runner:
    """Runs workflows of a repository.

    Attributes:
        repository: a directory with `.github/workflows`.
        directory: for the workspaces of jobs.
        actions: stand-ins by the name of the action.
        github: the context of that name.
        settings: the variables of the repository, by environment; those of "" are of all.
        variables: environment variables of a runner's machine.
    """

    repository: Path
    directory: Path
    actions: Mapping[str, Action]
    github: Mapping[str, Any]
    settings: Mapping[str, Mapping[str, str]]
    variables: Mapping[str, str]
    finished: dict[str, JobRun] = field(default_factory=dict)

    def workflow(self, name: str) -> dict[str, Any]:
        """Return a workflow by its file's name."""
        found: dict[str, Any] = yaml.safe_load((self.repository / ".github" / "workflows" / name).read_text())
        return found

    def run(self, name: str, workflow: str, **matrix: str) -> JobRun:
        """Run a job of a workflow, with one combination of its matrix; return how it ended.

        Raises:
            UnknownExpressionError: the job has a key or an expression that the runner does not know, its condition
                is not met, or a job that it needs did not pass.
        """
        document = self.workflow(workflow)
        job = document["jobs"][name]
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        for each in needs:
            if each not in self.finished or not self.finished[each].is_passing:
                raise UnknownExpressionError(f"{name} needs {each}, which has not passed")
        contexts = {
            "github": self.github,
            "needs": {each: {"outputs": self.finished[each].outputs} for each in needs},
            "matrix": self._combination(job, matrix),
            "vars": dict(self.settings.get("", {})),
            "steps": {},
        }
        self.finished[name] = self._run(name, document, job, contexts)
        return self.finished[name]

    def _run(self, name: str, document: Mapping[str, Any], job: Mapping[str, Any], contexts: dict[str, Any]) -> JobRun:
        if unknown := job.keys() - JOB_KEYS:
            raise UnknownExpressionError(f"{name} has {unknown}")
        if "if" in job and not evaluated(job["if"], contexts):
            raise UnknownExpressionError(f"the condition of {name} is not met: {job['if']}")
        if "uses" in job:
            called = self.workflow(Path(job["uses"]).name)
            inputs = {key: resolved(text, contexts) for key, text in job["with"].items()}
            ((called_name, called_job),) = called["jobs"].items()
            return self._run(called_name, called, called_job, {**contexts, "inputs": inputs})
        if "environment" in job:
            environment = resolved(job["environment"], contexts)
            contexts = {**contexts, "vars": {**contexts["vars"], **self.settings[environment]}}
            contexts["environment"] = environment
        home = self.directory / f"{len(list(self.directory.iterdir()))}-{name}"
        (home / "workspace").mkdir(parents=True)
        own = {key: resolved(text, contexts) for key, text in job.get("env", {}).items()}
        files = {"GITHUB_STEP_SUMMARY": str(home / "summary"), "GITHUB_OUTPUT": str(home / "output")}
        shell = document.get("defaults", {}).get("run", {}).get("shell")
        run = JobRun(
            home / "workspace", contexts, {**self.variables, **files, "HOME": str(home), **own}, job, SHELLS[shell]
        )
        for step in job["steps"]:
            run.steps.append(self.step(run, step))
            if not run.is_passing:
                return run
        run.outputs = {key: resolved(text, run.contexts) for key, text in job.get("outputs", {}).items()}
        return run

    def step(self, run: JobRun, step: Mapping[str, Any]) -> Step:
        """Run a step in the workspace of its job."""
        if unknown := step.keys() - STEP_KEYS:
            raise UnknownExpressionError(f"a step has {unknown}")
        title = step.get("name") or step.get("uses") or step["run"]
        if "uses" in step:
            given = {key: resolved(as_text(text), run.contexts) for key, text in step.get("with", {}).items()}
            self.actions[step["uses"].partition("@")[0]](run, given)
            return Step(title, 0, "")
        if "${{" in step["run"]:
            raise UnknownExpressionError(f"{title}: an expression in a script")
        output = Path(run.variables["GITHUB_OUTPUT"])
        output.write_text("")
        script = run.directory.parent / "script.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            [*run.shell, str(script)],
            cwd=run.directory,
            env=run.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        # A multiline value has another form, which no step uses.
        written = dict(line.split("=", 1) for line in output.read_text().splitlines())
        if "id" in step:
            run.contexts["steps"][step["id"]] = {"outputs": written}
        print(done.stdout)
        return Step(title, done.returncode, done.stdout)

    @staticmethod
    def _combination(job: Mapping[str, Any], matrix: Mapping[str, str]) -> Mapping[str, str]:
        lists = job.get("strategy", {}).get("matrix", {})
        if lists.keys() != matrix.keys() or any(value not in lists[key] for key, value in matrix.items()):
            raise UnknownExpressionError(f"{dict(matrix)} is no combination of {lists}")
        return matrix
