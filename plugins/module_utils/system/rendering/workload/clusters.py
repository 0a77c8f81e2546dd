# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ECS clusters of a system: its components with role cluster, their names and what is derived for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections

# Components as the description lists them, by name.
Listed: TypeAlias = "Mapping[str, Mapping[str, Any]]"

ROLE = "cluster"
# Arguments of the role.
NAME, COMPONENT = "cluster_name", "cluster_component"
# Scaling on a backlog divides by the number of running tasks, which Container Insights alone measures:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html
INSIGHTS: Mapping[str, Any] = {"cluster_container_insights": "enabled"}


def cluster_names(components: Listed) -> dict[str, str]:
    """Return what follows project and environment in the name of each cluster, by component; empty for nothing."""
    return {
        name: str(each.get("arguments", {}).get(NAME, ""))
        for name, each in components.items()
        if each.get("role", name) == ROLE
    }


def full_name(base: str, name: str) -> str:
    """Return the name of a cluster in AWS.

    Args:
        base: project and environment, such as shop-dev.
        name: what follows them; empty for nothing.
    """
    return f"{base}-{name}" if name else base


def cluster_arguments(sections: Sections, components: Listed) -> dict[str, dict[str, Any]]:
    """Return the arguments of role cluster that the description does not state, by component.

    Args:
        sections: the description, with a service for the workers of each job that has them.
        components: its components.
    """
    scaled = {
        service["cluster"] for service in sections["services"].values() if "backlog" in service.get("scaling", {})
    }
    clusters = cluster_names(components)
    return {
        each: {
            # A variable of one component is still set when the next one of its role is applied.
            **({NAME: name, COMPONENT: each} if list(clusters) != [ROLE] else {}),
            **(INSIGHTS if each in scaled else {}),
        }
        for each, name in clusters.items()
    }
