# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks of a system: each part of its description rendered to one template."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.schedule import schedule_parts
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.databases import database_parts
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.file_systems import (
    FILE_SYSTEMS,
    file_systems,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.hosted_zone import hosted_zone
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.keys import KEYS, keys
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.queues import QUEUES, queues
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import database_component
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.secrets import (
    SECRETS,
    is_created,
    secrets,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.certificates import (
    COMPONENT as CERTIFICATES,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.certificates import (
    certificates,
    certified,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.domain import COMPONENT as DOMAIN
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.domain import creates_zone, hosted
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.load_balancer import (
    component,
    load_balancer_parts,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.namespace import (
    COMPONENT as NAMESPACE,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.namespace import (
    has_namespace,
    namespace_parts,
    services_before,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.records import COMPONENT as RECORDS
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.records import records
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import (
    COMPONENT as SECURITY_GROUPS,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import (
    nodes,
    security_groups,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.alarms import budget
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.dashboard import (
    COMPONENT as DASHBOARD,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.dashboard import dashboard
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.fault_injection import (
    fault_injection,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.job_failures import (
    COMPONENT as JOB_FAILURES,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.job_failures import job_failures
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.service import owned_by_aws, service_parts
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Parts,
    Rendered,
    finished,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.task_definition import (
    Owner,
    task_definition,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections, container_jobs


def stacks(name: str, sections: Sections) -> dict[str, Rendered]:
    """Return the rendered stacks of a system by component.

    Args:
        name: of the system.
        sections: its description, checked against the schema, with the defaults filled in.
    """
    return {each: finished(f"{name} {what}", parts) for each, what, parts in _stacks(sections)}


def ignored_drift(sections: Sections) -> list[str]:
    """Return the differences from the templates that are no drift, as logical id and path of the property."""
    found = (each for service in sections["services"].values() for each in owned_by_aws(service, sections["limits"]))
    return list(dict.fromkeys(found))


def service_component(name: str) -> str:
    """Return the component of a service."""
    return f"service-{name}"


def job_component(name: str) -> str:
    """Return the component with the task definition of a job."""
    return f"job-{name}"


def _stacks(sections: Sections) -> Iterator[tuple[str, str, Parts]]:
    if nodes(sections):
        yield SECURITY_GROUPS, "security groups: who may connect to whom", security_groups(sections)
    if sections["keys"]:
        yield KEYS, "KMS keys", keys(sections)
    if any(is_created(secret) for secret in sections["secrets"].values()):
        yield SECRETS, "secrets", secrets(sections)
    if sections["file_systems"]:
        yield FILE_SYSTEMS, "file systems", file_systems(sections)
    if sections["queues"]:
        yield QUEUES, "queues, their dead-letter queues and alarms", queues(sections)
    for each, database in sections["databases"].items():
        yield database_component(each), f"database {each}", database_parts(each, database)
    if creates_zone(sections):
        yield DOMAIN, "hosted zone", hosted_zone(sections["domain"])
    if certified(sections):
        yield CERTIFICATES, "certificates of host names", certificates(sections)
    for each in sections["load_balancers"]:
        yield component(each), f"load balancer {each}", load_balancer_parts(each, sections)
    if hosted(sections):
        yield RECORDS, "records of host names", records(sections)
    if has_namespace(sections):
        yield NAMESPACE, "namespace of Service Connect", namespace_parts(sections)
    for each in sections["services"]:
        before = [service_component(called) for called in services_before(each, sections)]
        parts = service_parts(each, sections) | fault_injection(each, sections) | Parts(after=before)
        yield service_component(each), f"service {each}", parts
    for each, job in container_jobs(sections).items():
        scheduled = schedule_parts(each, job, job["schedule"]) if "schedule" in job else Parts()
        yield job_component(each), f"job {each}", task_definition(Owner(each), job, sections) | scheduled
    if container_jobs(sections):
        yield JOB_FAILURES, "failed runs of jobs, and alarms", job_failures(sections)
    shown = dashboard(sections)
    if shown.resources:
        yield DASHBOARD, "dashboard", shown
    if "monthly_budget_usd" in sections["limits"]:
        yield "budget", "budget", budget(sections["limits"])
