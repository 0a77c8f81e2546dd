# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and responses of ELBv2's Query API: the parts that MiniStack drops, or does not escape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from embedded_aws.front.health import HEALTHY, TargetHealth
from embedded_aws.front.model import Record, Target, forwards

Parameters = Mapping[str, Any]
STICKINESS_SECONDS = 3600


def forward_config(parameters: Parameters, prefix: str) -> Record:
    """Return the ForwardConfig of an action.

    Args:
        parameters: of the request.
        prefix: of the action, such as ``Actions.member.1``.
    """
    base = f"{prefix}.ForwardConfig"
    groups = []
    for number in _numbers(parameters, f"{base}.TargetGroups"):
        member = f"{base}.TargetGroups.member.{number}"
        weight = value(parameters, f"{member}.Weight")
        groups.append({"TargetGroupArn": value(parameters, f"{member}.TargetGroupArn"), "Weight": int(weight or 1)})
    if not groups:
        return {}
    enabled = value(parameters, f"{base}.TargetGroupStickinessConfig.Enabled").lower() == "true"
    stickiness: Record = {"Enabled": enabled}
    if enabled:
        seconds = value(parameters, f"{base}.TargetGroupStickinessConfig.DurationSeconds")
        stickiness["DurationSeconds"] = int(seconds or STICKINESS_SECONDS)
    return {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness}


def query_pairs(parameters: Parameters, prefix: str) -> list[Record]:
    """Return the pairs of a query-string condition; prefix is that of the condition."""
    base = f"{prefix}.QueryStringConfig.Values"
    pairs = []
    for number in _numbers(parameters, base):
        pair = {name: value(parameters, f"{base}.member.{number}.{name}") for name in ("Key", "Value")}
        pairs.append({name: found for name, found in pair.items() if found})
    return pairs


def targets(parameters: Parameters, default_port: int) -> list[Target]:
    """Return the targets that a request registers."""
    found = []
    for number in _numbers(parameters, "Targets"):
        port = value(parameters, f"Targets.member.{number}.Port")
        found.append(Target(value(parameters, f"Targets.member.{number}.Id"), int(port or default_port)))
    return found


def with_forward(action: Record) -> Record:
    """Return a forward action as ELBv2 describes it: with a ForwardConfig, and one group's ARN beside it."""
    groups = forwards(action)
    if not groups:
        return action
    stickiness = action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig") or {"Enabled": False}
    config = {
        "TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups],
        "TargetGroupStickinessConfig": stickiness,
    }
    kept = {name: found for name, found in action.items() if name != "TargetGroupArn"}
    only = {"TargetGroupArn": groups[0][0]} if len(groups) == 1 else {}
    return kept | only | {"ForwardConfig": config}


def action_xml(render: Callable[[Record], str], action: Record) -> str:
    """Return the XML of an action, from MiniStack's, which has no ForwardConfig and escapes no text."""
    shown = {name: _escaped(found) if name.endswith("Config") else found for name, found in action.items()}
    text = render(shown)
    groups = forwards(action)
    if not groups:
        return text
    config = action.get("ForwardConfig", {})
    members = "".join(
        f"<member><TargetGroupArn>{escape(arn)}</TargetGroupArn><Weight>{weight}</Weight></member>"
        for arn, weight in groups
    )
    stickiness = config.get("TargetGroupStickinessConfig") or {"Enabled": False}
    seconds = stickiness.get("DurationSeconds")
    sticky = f"<Enabled>{str(stickiness.get('Enabled', False)).lower()}</Enabled>"
    sticky += f"<DurationSeconds>{seconds}</DurationSeconds>" if seconds else ""
    forward = f"<TargetGroups>{members}</TargetGroups>"
    forward += f"<TargetGroupStickinessConfig>{sticky}</TargetGroupStickinessConfig>"
    return f"{text.removesuffix('</member>')}<ForwardConfig>{forward}</ForwardConfig></member>"


def condition_xml(render: Callable[[Record], str], condition: Record) -> str:
    """Return the XML of a condition, from MiniStack's, which has no query strings and escapes no value."""
    shown = condition | {"Values": _escaped(condition.get("Values", []))}
    text = render(shown)
    pairs = condition.get("QueryStringConfig", {}).get("Values")
    if not pairs:
        return text
    members = "".join(
        f"<member>{''.join(f'<{name}>{escape(found)}</{name}>' for name, found in pair.items())}</member>"
        for pair in pairs
    )
    config = f"<QueryStringConfig><Values>{members}</Values></QueryStringConfig>"
    return f"{text.removesuffix('</member>')}{config}</member>"


def health_xml(described: Iterable[tuple[Target, TargetHealth]]) -> str:
    """Return the XML of target health descriptions."""
    members = []
    for target, health in described:
        state = f"<State>{health.state}</State>"
        if health != HEALTHY:
            state += f"<Reason>{health.reason}</Reason><Description>{escape(health.description)}</Description>"
        members.append(
            f"<member><Target><Id>{escape(target.id)}</Id><Port>{target.port}</Port></Target>"
            f"<HealthCheckPort>{target.port}</HealthCheckPort><TargetHealth>{state}</TargetHealth></member>"
        )
    return f"<TargetHealthDescriptions>{''.join(members)}</TargetHealthDescriptions>"


def value(parameters: Parameters, name: str) -> str:
    """Return the value of a parameter; empty where it is missing."""
    found = parameters.get(name, "")
    return str(found[0] if isinstance(found, list) and found else found or "")


def _numbers(parameters: Parameters, prefix: str) -> list[int]:
    pattern = re.compile(rf"{re.escape(prefix)}\.member\.(\d+)\.")
    return sorted({int(found[1]) for name in parameters if (found := pattern.match(name))})


def _escaped(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {name: _escaped(inner) for name, inner in found.items()}
    if isinstance(found, list):
        return [_escaped(inner) for inner in found]
    return escape(found) if isinstance(found, str) else found
