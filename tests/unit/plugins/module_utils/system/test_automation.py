# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers and schedules of jobs: what a description may say of them, and what is derived from it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation import workers
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from system_strategies import completed, filled, merged, schema, small
from template_case import case_of

Section = dict[str, Any]
SCHEDULE = {"expression": "rate(1 day)"}


def lines(**sections: Any) -> list[str]:
    """Return the problems of the small description, joined with sections."""
    text = yaml.safe_dump(small(**sections), sort_keys=False)
    return [problem.line() for problem in read(text, "system.yml").problems]


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            {"jobs": {"sum": {"queue": {"mode": "workers"}}}},
            "jobs.sum.queue.mode is workers, and the job has no command -> add command to the job",
        ),
        (
            {"jobs": {"sum": {"queue": {"per_task": 2}}}},
            "jobs.sum.queue.per_task has no effect with mode task_per_message -> remove it, or take mode: workers",
        ),
        (
            {"services": {"mail-workers": {}}},
            "services.mail-workers has the name of the workers of job mail -> give it a name of its own",
        ),
        (
            {"jobs": {"mail-workers": {}}},
            "jobs.mail-workers has the name of the workers of job mail -> give it a name of its own",
        ),
        (
            {"jobs": {"sum": {"command": ["sum"], "queue": {"name": "mails", "mode": "workers"}}}},
            "jobs.mail.queue.name is mails, whose messages the workers of sum take, too -> "
            "give each job a queue of its own",
        ),
        (
            {"jobs": {"sum": {"schedule": SCHEDULE, "parameters": {"day": {"required": True}}}}},
            "jobs.sum.parameters.day is required, and no schedule gives it -> "
            "give it a default, or remove schedule from the job",
        ),
        (
            {"jobs": {"sum": {"schedule": {"expression": "cron(0 6 * * *)"}}}},
            "jobs.sum.schedule.expression has 5 fields, and cron has 6 -> "
            "write minutes, hours, day of month, month, day of week, year: cron(0 6 * * ? *)",
        ),
        (
            {"jobs": {"sum": {"schedule": {"expression": "cron(0 6 * * * *)"}}}},
            "jobs.sum.schedule.expression has not one ? in day of month and day of week -> "
            "write ? in that of both which does not matter",
        ),
        (
            {"jobs": {"restore": {"role": "rollback", "schedule": SCHEDULE}}},
            "jobs.restore.schedule is that of a role, which no schedule runs -> remove it",
        ),
        (
            {"queues": {"mail-missed": {}}},
            "queues.mail-missed has the name of the queue with the missed runs of job mail -> give it another name",
        ),
        (
            {"queues": {"work-dead-letters": {}}},
            "queues.work-dead-letters has the name of the dead-letter queue of work -> give it another name",
        ),
    ],
)
def test_what_clashes_is_one_line(sections: Section, expected: str) -> None:
    [line] = lines(**sections)
    assert line.endswith(expected)


@pytest.mark.parametrize(
    "expression", ["0 6 * * ? *", "cron()", "rate(0 days)", "rate(1 week)", "at(2030-01-01T00:00:00)"]
)
def test_an_expression_of_another_form_is_refused(expression: str) -> None:
    [line] = lines(jobs={"sum": {"schedule": {"expression": expression}}})
    assert "jobs.sum.schedule.expression" in line


def test_a_queue_name_leaves_room_for_its_dead_letters() -> None:
    """With the longest project and environment the name of the dead-letter queue has 80 characters at most."""
    longest = "q" * 28
    assert len(f"{'p' * 21}-{'e' * 16}-{longest}-dead-letters") == 80
    assert lines(project="p" * 21, queues={longest: {}}) == []
    [line] = lines(project="p" * 21, queues={longest + "q": {}})
    assert f"queues.{longest}q" in line


def test_workers_count_within_the_limit_of_tasks() -> None:
    [line] = lines(limits={"max_tasks": 10}, jobs={"mail": {"queue": {"max_running": 20}}})
    assert "limits.max_tasks is 10, and services and jobs may have 34 tasks at the same time" in line


def test_workers_have_what_the_schema_gives_a_service() -> None:
    """Nothing but the description of a job says how its workers are deployed."""
    service = completed(merged(small(), {"services": {"plain": {}}}), schema)["services"]["plain"]
    assert service["deployment"] == workers.DEPLOYMENT
    assert service["alarms"] == workers.ALARMS
    properties = schema["$defs"]["scaling"]["properties"]
    assert properties["scale_in_cooldown"]["default"] == workers.SCALE_IN_COOLDOWN
    assert properties["scale_out_cooldown"]["default"] == workers.SCALE_OUT_COOLDOWN


def test_a_backlog_turns_container_insights_on() -> None:
    """Without a service that scales on a backlog the inventory decides; the description decides before both."""
    scaled = parse(filled(small())).components["cluster"].arguments
    assert scaled == {"cluster_container_insights": "enabled"}
    plain = filled(small())
    del plain["services"]["worker"], plain["jobs"]["mail"]
    assert parse(plain).components["cluster"].arguments == {}
    own = small(components={"cluster": {"arguments": {"cluster_container_insights": "enhanced"}}})
    assert parse(filled(own)).components["cluster"].arguments == {"cluster_container_insights": "enhanced"}


def test_a_run_on_demand_keeps_its_own_task_definition() -> None:
    """The entry point of workers cannot be replaced in a run, so a job with workers has both."""
    system = parse(filled(small()))
    assert system.jobs["mail"].takes["job_task_definition"].component == "job-mail"
    assert system.services["service-mail-workers"] == "mail-workers"
    rendered = system.components["job-mail"].rendered
    assert rendered is not None
    [container] = rendered.template["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert "EntryPoint" not in container
    assert container["Command"] == ["mail", "{to}"]


def test_workers_of_a_queue_do_not_reach_a_database_of_its_name() -> None:
    """What the workers use is derived, so that the check of names in uses does not see it."""
    case = case_of(filled(small(databases={"mails": {"database_name": "shop", "username": "shop"}})))
    names = case.templates["security-groups"]["Resources"]
    assert not [each for each in names if each.startswith("ServiceMailWorkersToProxyMails")]
    assert [each for each in names if each.startswith("ProxyMailsToDatabaseMails")]
