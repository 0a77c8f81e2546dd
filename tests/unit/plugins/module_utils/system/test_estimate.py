# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks cost before they run. The expected figures are from AWS's page of prices, reckoned by hand."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.filter.system_costs import system_costs
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read

PLAIN = {"command": ["run"], "image": "public.ecr.aws/x/y:1", "cpu": 1024, "memory": 2048}


def text_of(**sections: Any) -> str:
    """Return the text of a description with some sections."""
    components: dict[str, Any] = {"network": {}, "cluster": {}}
    return yaml.safe_dump({"name": "shop", "project": "shop", "components": components, **sections}, sort_keys=False)


def costs(section: str, own: dict[str, Any], **others: Any) -> str:
    """Return the line of a service or job of 1 vCPU and 2 GB, with other values."""
    found = read(text_of(**{section: {"one": {**PLAIN, **own}}}, **others), "system.yml")
    assert found.problems == []
    return str(system_costs(found.description)[section]["one"])


@pytest.mark.parametrize(
    ("own", "usd"),
    [
        # 1 x 0.04048 + 2 x 0.004445 = 0.04937
        ({"timeout": 3600}, "0.0494"),
        ({"timeout": 30}, "0.0008"),
        ({"timeout": 3600, "architecture": "ARM64"}, "0.0395"),
        # 80 GB of 100 are paid: 80 x 0.000111 = 0.00888
        ({"timeout": 3600, "ephemeral_storage": 100}, "0.0583"),
    ],
)
def test_a_run_costs_its_timeout_at_most(own: dict[str, Any], usd: str) -> None:
    assert f"at most ${usd} a run of {own['timeout']} s" in costs("jobs", own)


def test_a_job_of_a_queue_shows_all_of_its_tasks() -> None:
    queues = {"orders": {"visibility_timeout": 3601}}
    line = costs("jobs", {"queue": {"name": "orders", "max_running": 20}}, queues=queues)
    assert ", $0.99 an hour for 20 tasks; nothing when idle" in line


@pytest.mark.parametrize(
    ("own", "words"),
    [
        # 0.04937 x 730 = 36.04
        ({"desired_count": 1}, "1 task of 1 vCPU and 2 GB, $36.04 a month"),
        ({"desired_count": 0}, "0 tasks of 1 vCPU and 2 GB, $0.00 a month"),
        ({"scaling": {"min": 1, "max": 3, "cpu": 60}}, "1 to 3 tasks of 1 vCPU and 2 GB, $36.04 to $108.12 a month"),
    ],
)
def test_a_service_costs_its_tasks(own: dict[str, Any], words: str) -> None:
    assert costs("services", own) == f"service one: {words}"


def test_a_run_above_the_limit_is_refused() -> None:
    """The limit is in dollars; a run that may cost more is refused before anything is deployed."""
    jobs = {"one": {**PLAIN, "timeout": 7200}}
    [problem] = read(text_of(jobs=jobs, limits={"max_run_usd": 0.09}), "system.yml").problems
    assert "limits.max_run_usd is 0.09, and a run of job one may cost $0.0987 -> raise it, or lower" in problem.line()
    assert read(text_of(jobs=jobs, limits={"max_run_usd": 0.1}), "system.yml").problems == []
