# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service Connect put into MiniStack's process; nothing runs until the first service has it."""

from __future__ import annotations

from ministack.services import ecs, servicediscovery

from embedded_aws.extension.tasks.hosts import TaskHosts
from embedded_aws.front.control import Front
from embedded_aws.service_connect.addresses import AliasAddresses

# The private names of MiniStack that this hall leans on; after a bump, look at each of them again.
NAMES = {
    ecs: (
        "_ACTION_MAP",
        "_make_deployment",
        "_primary_deployment",
        "_resolve_td_key",
        "_services",
        "_sync_service_targets",
        "_task_defs",
        "_task_ip",
        "_tasks",
        "_ts_to_epoch",
    ),
    servicediscovery: ("_namespaces",),
}


def install(front: Front, hosts: TaskHosts | None, port: int) -> None:
    """Let services reach each other by the names of their namespace.

    Args:
        front: what runs Envoy.
        hosts: the hosts files of tasks; None where they are containers, which do not reach the loopback.
        port: of the embedded AWS.

    Raises:
        RuntimeError: MiniStack lacks a name that this hall leans on.
    """
    missing = [
        f"{module.__name__}.{name}" for module, names in NAMES.items() for name in names if not hasattr(module, name)
    ]
    if missing:
        raise RuntimeError(f"MiniStack lacks {', '.join(missing)} -> install the version of requirements/local.txt")
    # Only now, since it takes hold of the names that have just been checked.
    from embedded_aws.service_connect.service import ServiceConnect

    connect = ServiceConnect(front, AliasAddresses(port), in_containers=hosts is None)
    connect.install()
    if hosts is not None:
        hosts.scope_of = connect.scope_of
