# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of progress of a service: its revisions, healthy targets, traffic and stage."""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import UNDER_WAY, Observation
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.rollout import short_name
from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import clock_text


def progress_text(seen: Observation, bake_left_s: float | None = None) -> str:
    """Return where a service stands, such as "web:7 2/2 -> web:8 1/2 running, 1/2 healthy, traffic 10 %".

    Args:
        seen: what was observed.
        bake_left_s: seconds that the bake time has left; None where it does not bake.
    """
    if not seen.status:
        waits = f"stack {seen.stack.name} is {seen.stack.status or 'not there'}" if seen.stack else "it does not exist"
        return f"no service yet, {waits}"
    counts = [
        f"{short_name(one.task_definition)} {one.running}/{one.desired}"
        for one in seen.revisions
        if one.is_primary or one.running or one.desired
    ]
    parts = [f"{' -> '.join(counts) or f'{seen.running}/{seen.desired}'} running"]
    if seen.target_groups:
        wanted = seen.primary.desired if seen.primary else seen.desired
        parts.append(f"{min(seen.healthy(group) for group in seen.target_groups)}/{wanted} healthy")
    if (deployment := seen.deployment) and deployment.status in UNDER_WAY:
        if deployment.traffic is not None:
            parts.append(f"traffic {deployment.traffic:g} %")
        if deployment.failures and deployment.threshold:
            parts.append(f"circuit breaker {deployment.failures}/{deployment.threshold}")
        parts.append(deployment.stage or deployment.status)
        if bake_left_s is not None:
            parts.append(f"bake time {clock_text(max(bake_left_s, 0.0))} left")
    return ", ".join(parts)
