# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request of a job's run: its parameters checked, and put into the command and the environment."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import ESCAPED_REFERENCE, REFERENCE, Job
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

KIND = "parameter"
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
RUN_ID = "run_id"
HIGHEST_EXIT_CODE = 255


class JobRun(NamedTuple):
    """What a run of a job differs in from its task definition.

    Attributes:
        command: of its container; empty where the task definition's holds.
        environment: variables of its container that have a placeholder.
        fail_on: ranges of exit codes that are a failure, in the words of ecs_task_run.
        capacity_provider_strategy: shares of capacity providers, in the words of ecs_task_run; empty for Fargate alone.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    fail_on: Sequence[str]
    capacity_provider_strategy: Sequence[Mapping[str, Any]]


def job_run(name: str, job: Job, values: Mapping[str, Any], run_id: str) -> JobRun:
    """Return the request of a run.

    Args:
        name: of the job.
        job: its section of the description.
        values: of its parameters, as the run names them; an empty one counts as none.
        run_id: identifies the run.

    Raises:
        ProblemError: a parameter is missing, unknown, or has a value that the description does not permit.
    """
    texts = {each: str(value) for each, value in values.items() if str(value) != ""}
    problems = list(_problems(name, job, texts))
    if problems:
        raise ProblemError(*problems)
    defaults = {each: section.get("default", "") for each, section in job["parameters"].items()}
    known = {**defaults, **texts, RUN_ID: run_id}
    environment = {key: value for key, value in job["environment"].items() if placeholders([value])}
    return JobRun(
        command=[_filled(word, known) for word in job["command"]] if placeholders(job["command"]) else [],
        environment={key: _filled_value(str(value), known) for key, value in environment.items()},
        fail_on=failures(job["success_exit_codes"]),
        capacity_provider_strategy=[
            {"capacity_provider": each, **share} for each, share in job.get("capacity_providers", {}).items()
        ],
    )


def placeholders(texts: Collection[Any]) -> list[str]:
    """Return the names in braces of some texts, each once."""
    return list(dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(str(text))))


def whole_value(name: str, extra_vars: Sequence[str]) -> str | None:
    """Return the value of several words that a call gives to a variable; None where Ansible reads it as a whole.

    Args:
        name: of the variable.
        extra_vars: what follows each ``-e``, as the shell gives it: ``-e prompt="say hello"`` is ``prompt=say hello``.
    """
    for text in reversed(extra_vars):
        variable, _equals, value = text.partition("=")
        if variable == name:
            words = value.split()
            is_pairs = all("=" in word for word in words[1:])
            return None if is_pairs or value.startswith(("'", '"')) else value
    return None


def failures(successes: Collection[int]) -> list[str]:
    """Return the ranges of exit codes that are no success: [0, 3] gives 1-2 and 4-255."""
    wrong = [code for code in range(HIGHEST_EXIT_CODE + 1) if code not in successes]
    starts = [code for code in wrong if code - 1 not in wrong]
    ends = [code for code in wrong if code + 1 not in wrong]
    return [str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True)]


def _problems(name: str, job: Job, values: Mapping[str, str]) -> Iterator[Problem]:
    parameters = job["parameters"]
    for each in values:
        if each not in parameters:
            known = f"take one of {', '.join(parameters)}" if parameters else "leave it out"
            yield Problem(KIND, f"job {name} has no parameter {each}", known)
    for each, section in parameters.items():
        value = values.get(each)
        if value is None:
            if section["required"]:
                what = f"job {name} needs parameter {each}"
                yield Problem(KIND, what, _call_with(each, section.get("description")))
        elif "one_of" in section and value not in section["one_of"]:
            yield Problem(KIND, f"parameter {each} is {value!r}", f"take one of {', '.join(section['one_of'])}")
        elif "pattern" in section and not re.fullmatch(section["pattern"], value):
            yield Problem(KIND, f"parameter {each} is {value!r}", f"take one that matches {section['pattern']}")


def _call_with(name: str, description: str | None) -> str:
    value = f"<{description.rstrip('.')}>" if description else "..."
    return f'call with -e {name}="{value}"'


def _filled_value(text: str, values: Mapping[str, str]) -> str:
    """Return the value of a variable: ${!text} stands for ${text}, in which nothing is filled in."""
    return REFERENCE.join(_filled(each, values) for each in text.split(ESCAPED_REFERENCE))


def _filled(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)
