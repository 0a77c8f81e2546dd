# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load balancers put into MiniStack's process; nothing runs until the first load balancer exists."""

from __future__ import annotations

import atexit
from pathlib import Path

from ministack.services import acm, alb, ecs
from ministack.services.cloudformation import provisioners

from embedded_aws.front import envoy
from embedded_aws.front.addresses import Addresses
from embedded_aws.front.control import Front

# The private names of MiniStack that this hall leans on; after a bump, look at each of them again.
NAMES = {
    acm: ("_certificates",),
    alb: (
        "_ACTION_MAP",
        "_action_xml",
        "_condition_xml",
        "_empty",
        "_error",
        "_lb_attrs",
        "_lb_xml",
        "_lbs",
        "_listener_attrs",
        "_listeners",
        "_parse_actions",
        "_parse_certificate_arns",
        "_parse_conditions",
        "_rules",
        "_targets",
        "_tg_attrs",
        "_tg_xml",
        "_tgs",
        "_xml",
        "set_targets_for_group",
    ),
    ecs: (
        "_refresh_service_state",
        "_resolve_cluster_name",
        "_resolve_task",
        "_sanitize",
        "_stop_task",
        "_task_ip",
        "json_response",
    ),
    provisioners: (
        "_RESOURCE_HANDLERS",
        "_elbv2_listener_actions",
        "_elbv2_load_balancer_delete",
        "_flatten_listener_rule_conditions",
    ),
}


def install(directory: Path, port: int, *, in_containers: bool) -> Front:
    """Let ELBv2's load balancers serve requests.

    Args:
        directory: of Envoy's files; its parent keeps Envoy's pid file and log.
        port: of the embedded AWS.
        in_containers: whether tasks are containers, whose addresses are private ones.

    Returns:
        The load balancers.

    Raises:
        RuntimeError: MiniStack lacks a name that this hall leans on.
    """
    missing = [
        f"{module.__name__}.{name}" for module, names in NAMES.items() for name in names if not hasattr(module, name)
    ]
    if missing:
        raise RuntimeError(f"MiniStack lacks {', '.join(missing)} -> install the version of requirements/local.txt")
    # Only now, since they take hold of the names that have just been checked.
    from embedded_aws.front.elbv2 import service, tasks, templates

    front = Front(envoy.binary(), directory, Addresses.of_port(port), domains=service.domains)
    served = service.Service(front, in_containers=in_containers)
    front.describe = served.describe
    served.install()
    templates.install(served)
    tasks.install(served)
    atexit.register(front.stop)
    return front
