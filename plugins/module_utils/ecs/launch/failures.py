# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why RunTask launched fewer tasks than asked: its ``failures``, what they mean, and whether waiting helps.

The reasons are those of https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import CAPACITY
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

REASON_LIMIT = 300  # characters shown of a reason
READ_LIMIT = 4000  # characters of it that are looked at
RESOURCES_SHOWN = 2  # names of what failed, of each kind
KINDS_SHOWN = 5
NO_REASON = "ECS gave no reason"


class Rule(NamedTuple):
    """What a reason means: its pattern, whether waiting may help, and how to mend it."""

    pattern: str
    may_pass: bool
    remedy: str


# The first that matches counts.
RULES = (
    Rule(
        CAPACITY.pattern,
        True,
        "try again later, or name subnets of more zones; from FARGATE_SPOT, spot_fallback: true goes on to FARGATE",
    ),
    Rule(r"configuration is above your limit", False, "take less cpu, or ask for a higher Fargate quota"),
    Rule(
        r"reached the limit|limitexceeded|\bquota\b",
        True,
        "wait until other tasks have ended, or ask for a higher quota: Service Quotas, AWS Fargate",
    ),
    Rule(r"rate exceeded|throttl|too many|request limit exceeded", True, "too many launches just now: try again later"),
    Rule(r"\bblocked\b", False, "AWS has blocked the account: ask AWS Support"),
    Rule(r"unable to assume|trust relationship", False, "let ecs-tasks.amazonaws.com assume the task's roles"),
    Rule(r"not authorized|accessdenied", False, "give the permission that is named"),
    Rule(
        r"free addresses|insufficientfreeaddresses",
        True,
        "name a larger subnet in network_configuration, or launch fewer tasks",
    ),
    Rule(
        r"\bRESOURCE:ENI\b",
        True,
        "the instances have no network interface left: add instances, or turn ENI trunking on",
    ),
    Rule(r"\bRESOURCE:PORTS?\b", True, "the host port is taken: add instances, or let hostPort be 0"),
    Rule(r"\bRESOURCE:", True, "add container instances, larger ones, or ask for less cpu and memory"),
    Rule(r"(?-i:\bAGENT\b)", True, "the instance's ECS agent is not connected: look after it, or try again later"),
    Rule(
        r"empty capacity provider|no active instances|no container instances",
        True,
        "the cluster has no instances: scale the capacity provider's Auto Scaling group out",
    ),
    Rule(r"distinctinstance", True, "every instance has such a task: add instances"),
    Rule(r"placement constraint", False, "no instance meets placementConstraints of the task definition: mend them"),
    Rule(
        r"(?-i:\bLOCATION\b)", False, "the instances are in other zones than the subnets: name subnets of their zones"
    ),
    Rule(
        r"(?-i:\bATTRIBUTE\b)",
        False,
        "no instance has what the task definition asks for (network mode, log driver, architecture): mend either",
    ),
    Rule(r"(?-i:\bMISSING\b)", False, "it does not exist: check its name, the cluster and the region"),
    Rule(r"(?-i:\bINACTIVE\b)", False, "it was deregistered: name another"),
    Rule(
        r"not compatible|platform|launch.?type",
        False,
        "mend launch_type, platform_version, or requiresCompatibilities of the task definition",
    ),
    Rule(r"internal ?error", True, "a fault of AWS: try again later"),
)
# Who cannot tell goes on trying for as long as the user has allowed.
UNKNOWN = Rule("", True, "")


def explain_failures(failures: Iterable[Mapping[str, Any]]) -> str:
    """Put RunTask's ``failures`` into one line, each kind once with its count, and what to do.

    Args:
        failures: of ``reason``, ``detail`` and ``arn`` each holds what ECS gave.

    Returns:
        The line; empty where there are no failures.
    """
    resources: dict[str, list[str]] = {}
    for failure in failures:
        resources.setdefault(_told(failure), []).append(_name(failure))
    parts = [_part(told, names) for told, names in list(resources.items())[:KINDS_SHOWN]]
    if len(resources) > KINDS_SHOWN:
        parts.append(f"and {len(resources) - KINDS_SHOWN} more reasons")
    return "; ".join(parts)


def may_pass(failure: Mapping[str, Any]) -> bool:
    """Tell whether the same request may have success later; so it is for a reason that is not known, too."""
    return _rule(_told(failure)).may_pass


def is_capacity(failure: Mapping[str, Any]) -> bool:
    """Tell whether AWS has no capacity just now. Such a launch has launched nothing."""
    return bool(CAPACITY.search(_told(failure)))


def _told(failure: Mapping[str, Any]) -> str:
    texts = (one_line(str(failure.get(key) or "")) for key in ("reason", "detail"))
    return shortened(": ".join(text for text in texts if text), READ_LIMIT) or NO_REASON


def _name(failure: Mapping[str, Any]) -> str:
    return one_line(str(failure.get("arn") or "")).rpartition("/")[2]


def _part(told: str, names: list[str]) -> str:
    known = [name for name in dict.fromkeys(names) if name]
    shown = ", ".join(shortened(name, 64) for name in known[:RESOURCES_SHOWN])
    if len(known) > RESOURCES_SHOWN:
        shown += f" and {len(known) - RESOURCES_SHOWN} more"
    count = f"{len(names)} x " if len(names) > 1 else ""
    remedy = _rule(told).remedy
    return (
        count
        + shortened(told, REASON_LIMIT).rstrip(".")
        + (f" ({shown})" if shown else "")
        + (f" -> {remedy}" if remedy else "")
    )


def _rule(told: str) -> Rule:
    return next((rule for rule in RULES if re.search(rule.pattern, told, re.IGNORECASE)), UNKNOWN)
