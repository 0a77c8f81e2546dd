# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import (
    JOB_ROLE,
    DescriptionError,
    Reference,
    parse,
)
from system_strategies import filled, small

TABLE = {"table": {}, "task": {"takes": {"task_table_name": "table.TableName", "task_key": "table.KeyArn?"}}}


def description(components: Any = None, **more: Any) -> dict[str, Any]:
    return filled(
        {"name": "shop", "project": "shop", "components": TABLE if components is None else components, **more}
    )


def test_components_take_outputs_of_others() -> None:
    system = parse(description())
    assert system.components["task"].takes == {
        "task_table_name": Reference("table", "TableName", False),
        "task_key": Reference("table", "KeyArn", True),
    }
    assert system.components["task"].needs == {"table"}
    assert (system.components["table"].role, system.components["table"].is_stack) == ("table", True)


def test_a_role_gives_facts_as_outputs() -> None:
    image = {"kind": "role", "role": "build_push", "gives": {"ImageUri": "build_push_image"}}
    system = parse(description({"image": image, "task": {"takes": {"task_image_uri": "image.ImageUri"}}}))
    assert not system.components["image"].is_stack
    assert system.components["image"].gives == {"ImageUri": "build_push_image"}


def test_a_job_with_a_role_takes_outputs_of_components() -> None:
    job = {"role": "load_test", "takes": {"load_test_table": "table.TableName"}}
    system = parse(description(jobs={"run": job}))
    assert (system.jobs["run"].role, system.jobs["run"].needs) == ("load_test", {"table"})
    assert "job-run" not in system.components


def test_a_job_without_a_role_has_a_rendered_stack() -> None:
    system = parse(filled(small()))
    assert system.components["job-sum"].rendered
    assert system.jobs["sum"].role == JOB_ROLE
    assert system.jobs["sum"].needs == {"cluster", "job-sum", "network", "security-groups", "queues"}
    for reference in system.jobs["sum"].takes.values():
        rendered = system.components[reference.component].rendered
        assert rendered is None or reference.output in rendered.template["Outputs"]


def test_each_section_is_a_component() -> None:
    system = parse(filled(small(limits={"monthly_budget_usd": 10, "budget_email": "a@example.org"})))
    rendered = {name for name, each in system.components.items() if each.rendered}
    assert rendered == {
        *("security-groups", "keys", "secrets", "file-systems", "queues", "database-main", "load-balancer-main"),
        *("service-web", "service-worker", "service-mail-workers", "job-sum", "job-mail"),
        *("job-failures", "dashboard", "budget"),
    }
    assert {name for name in rendered if system.components[name].rendered.has_roles} == {  # type: ignore[union-attr]
        *("database-main", "service-web", "service-worker", "service-mail-workers", "job-sum", "job-mail"),
    }


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (description({"table": {"gives": {"A": "b"}}}), "components.table.gives is set for a stack -> remove it"),
        (
            description({"task": {"takes": {"a": "table"}}}),
            "components.task.takes.a is 'table' -> write component.Output",
        ),
        (
            description({"task": {"takes": {"a": "tabel.TableName"}}, "table": {}}),
            "components.task.takes.a takes tabel.TableName, and tabel is no component -> "
            "add it, or take one of task, table",
        ),
        (
            description({"image": {"kind": "role"}, "task": {"takes": {"a": "image.ImageUri"}}}),
            "components.task.takes.a takes image.ImageUri, which component image does not give",
        ),
        (
            description({"a": {"takes": {"x": "b.Y"}}, "b": {"takes": {"x": "a.Y"}}}),
            "components need each other in a circle: ",
        ),
        (
            description(jobs={"run": {"role": "run", "takes": {"a": "cluster.Name"}}}),
            "jobs.run.takes.a takes cluster.Name, and cluster is no component",
        ),
        (
            filled(small(components={"service-web": {}})),
            "components.service-web has the name of a rendered stack -> give it another name",
        ),
    ],
)
def test_an_invalid_description_is_one_line(document: Any, line: str) -> None:
    with pytest.raises(DescriptionError) as error:
        parse(document)
    assert error.value.problem.line().startswith(line)
    assert "\n" not in error.value.problem.line()
