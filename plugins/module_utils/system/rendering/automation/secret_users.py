# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services a new value of a secret reaches: those that have it, by itself, by a parameter, or as a database's."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import with_workers
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import Reference, reference
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.roles import containers
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Sections,
    Workload,
    container_jobs,
)

READ, WRITE = "read", "write"


def copies(secret: str, sections: Sections) -> list[str]:
    """Return the parameters that have the value of a secret.

    Args:
        secret: its name, or database:NAME for that of a database.
        sections: the description.
    """
    parameters, wanted = sections["parameters"], _whole(secret)
    return [name for name, each in parameters.items() if "secret" in each and _whole(each["secret"]) == wanted]


def users(secret: str, sections: Sections) -> list[str]:
    """Return the services, also those of workers, whose tasks have a value of a secret.

    Args:
        secret: its name, database:NAME for that of a database, or parameter:NAME.
        sections: the description.
    """
    names = {_whole(secret), *(Reference("parameters", each) for each in copies(secret, sections))}
    services = with_workers(sections)["services"]
    return [name for name, service in services.items() if not names.isdisjoint(_used(service, sections))]


def writers(secret: str, sections: Sections) -> list[str]:
    """Return the jobs that write a secret."""
    return [name for name, job in container_jobs(sections).items() if WRITE in job["uses"].get(secret, [])]


def _whole(text: str) -> Reference:
    """Return what a text refers to, without the key of a JSON object."""
    return reference(text)._replace(key="")


def _used(workload: Workload, sections: Sections) -> Iterator[Reference]:
    for container in containers(workload):
        yield from map(_whole, container["secrets"].values())
    for name, words in workload["uses"].items():
        if name in sections["databases"]:
            yield Reference("databases", name)
        elif READ in words:
            yield Reference("secrets", name)
