# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request of a job's run, and the filter that returns it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.filter.job_request import FilterModule
from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import (
    failures,
    job_run,
    placeholders,
    whole_value,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError
from hypothesis import given
from hypothesis import strategies as st

NEEDS = 'job prompt needs parameter prompt -> call with -e prompt="<What is to be done>"'
WORDS = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), min_size=1)


def job(**sections: Any) -> Any:
    """Return a job's section with its defaults."""
    parameters = {
        "prompt": {"required": True, "description": "What is to be done."},
        "executor": {"required": False, "default": "claude", "one_of": ["claude", "direct"]},
        "branch": {"required": False, "pattern": "[a-z]+"},
    }
    made = {"command": ["run", "--as={executor}", "{prompt}"], "environment": {}, "success_exit_codes": [0]}
    return made | {"parameters": parameters} | sections


@given(WORDS, st.sampled_from(["claude", "direct"]))
def test_each_value_replaces_its_placeholder(prompt: str, executor: str) -> None:
    made = job_run("prompt", job(), {"prompt": prompt, "executor": executor}, "run-1")
    assert made.command == ["run", f"--as={executor}", prompt]


@given(st.sampled_from(["{prompt}", "{run_id}", "{executor}", "{HOME}", "{}"]))
def test_a_value_with_a_placeholder_stays_as_it_is(prompt: str) -> None:
    assert job_run("prompt", job(), {"prompt": prompt}, "run-1").command[-1] == prompt


def test_defaults_and_the_run_id_fill_command_and_environment() -> None:
    environment = {"RUN": "{run_id}", "LEVEL": "info"}
    made = job_run("prompt", job(environment=environment), {"prompt": 5, "executor": "", "branch": ""}, "run-1")
    assert made.command == ["run", "--as=claude", "5"]
    assert made.environment == {"RUN": "run-1"}


def test_without_placeholders_the_task_definition_holds() -> None:
    made = job_run("prompt", job(command=["run"], environment={"LEVEL": "info"}), {"prompt": "x"}, "run-1")
    assert (made.command, made.environment, made.capacity_provider_strategy) == ([], {}, [])


def test_capacity_providers_become_a_strategy() -> None:
    made = job_run("prompt", job(capacity_providers={"FARGATE_SPOT": {"weight": 1}}), {"prompt": "x"}, "run-1")
    assert made.capacity_provider_strategy == [{"capacity_provider": "FARGATE_SPOT", "weight": 1}]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, NEEDS),
        ({"prompt": ""}, NEEDS),
        (
            {"prompt": "x", "model": "y"},
            "job prompt has no parameter model -> take one of prompt, executor, branch",
        ),
        ({"prompt": "x", "executor": "vim"}, "parameter executor is 'vim' -> take one of claude, direct"),
        ({"prompt": "x", "branch": "a1"}, "parameter branch is 'a1' -> take one that matches [a-z]+"),
        ({"prompt": "x", "branch": "a\n"}, "parameter branch is 'a\\n' -> take one that matches [a-z]+"),
    ],
)
def test_a_wrong_value_is_one_line(values: dict[str, str], line: str) -> None:
    with pytest.raises(ProblemError) as raised:
        job_run("prompt", job(), values, "run-1")
    assert str(raised.value) == line


def test_a_job_without_parameters_takes_none() -> None:
    with pytest.raises(ProblemError, match="job prompt has no parameter model -> leave it out"):
        job_run("prompt", job(command=["run"], parameters={}), {"model": "y"}, "run-1")


@given(st.sets(st.integers(0, 255)))
def test_the_ranges_hold_exactly_the_codes_that_fail(successes: set[int]) -> None:
    ranges = [[int(end) for end in each.split("-")] for each in failures(successes)]
    codes = [code for each in ranges for code in range(each[0], each[-1] + 1)]
    assert codes == [code for code in range(256) if code not in successes]
    # No two ranges touch.
    assert all(one[-1] + 1 < other[0] for one, other in pairwise(ranges))


@given(st.lists(st.sampled_from(["a", "b", "run_id"])))
def test_placeholders_are_named_once_in_their_order(names: list[str]) -> None:
    assert placeholders([f"x{{{name}}}" for name in names]) == list(dict.fromkeys(names))


def test_the_filter_returns_the_request_or_the_problem() -> None:
    job_request = FilterModule().filters()["job_request"]
    document = {"jobs": {"prompt": job(success_exit_codes=[0, 3])}}
    assert job_request(document, "prompt", {"prompt": "hello"}, "run-1") == {
        "problem": "",
        "command": ["run", "--as=claude", "hello"],
        "environment": {},
        "fail_on": ["1-2", "4-255"],
        "capacity_provider_strategy": [],
    }
    assert list(job_request(document, "prompt", {}, "run-1")) == ["problem"]


@pytest.mark.parametrize(
    ("extra_vars", "value"),
    [
        (["prompt=say hello"], "say hello"),
        (["prompt=say a=b"], None),
        (["prompt=compare a=b with c"], "compare a=b with c"),
        (["prompt=first one", "job=prompt", "prompt=second one"], "second one"),
        (["prompt='say hello'"], None),
        (["prompt=hello executor=direct"], None),
        (["prompts=say hello", '{"prompt": "say hello"}', "@file.yml"], None),
        ([], None),
    ],
)
def test_a_value_of_several_words_is_taken_whole(extra_vars: list[str], value: str | None) -> None:
    """None leaves it to Ansible, which reads pairs, quotes, JSON and files itself."""
    assert whole_value("prompt", extra_vars) == value
