# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why RunTask launched fewer tasks than requested: its ``failures``, their meaning, and whether waiting helps.

The reasons are those of https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import CAPACITY
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

REASON_LIMIT = 300  # characters shown of a reason
READ_LIMIT = 4000  # characters of a reason that are searched
RESOURCES_SHOWN = 2  # names of what failed, of each kind
KINDS_SHOWN = 5
NO_REASON = "ECS gave no reason"


class FailureRule(NamedTuple):
    """The meaning of a reason: its kind, its pattern, whether the same request may succeed later, and the remedy."""

    kind: str
    pattern: str
    may_pass: bool
    remedy: str


# The first that matches counts.
RULES = (
    FailureRule(
        "capacity",
        CAPACITY.pattern,
        True,
        "try again later, or name subnets of more zones; from FARGATE_SPOT, spot_fallback: true goes on to FARGATE",
    ),
    FailureRule(
        "quota", r"configuration is above your limit", False, "take less cpu, or request a higher Fargate quota"
    ),
    FailureRule(
        "quota",
        r"reached the limit|limitexceeded|\bquota\b",
        True,
        "wait until other tasks have ended, or request a higher quota: Service Quotas, AWS Fargate",
    ),
    FailureRule(
        "throttled",
        r"rate exceeded|throttl|too many|request limit exceeded",
        True,
        "too many launches just now: try again later",
    ),
    FailureRule("permission", r"\bblocked\b", False, "AWS has blocked the account: ask AWS Support"),
    FailureRule(
        "permission",
        r"unable to assume|trust relationship",
        False,
        "let ecs-tasks.amazonaws.com assume the task's roles",
    ),
    FailureRule("permission", r"not authorized|accessdenied", False, "give the permission that is named"),
    FailureRule(
        "network",
        r"free addresses|insufficientfreeaddresses",
        True,
        "name a larger subnet in network_configuration, or launch fewer tasks",
    ),
    FailureRule(
        "instances",
        r"\bRESOURCE:ENI\b",
        True,
        "the instances have no network interface left: add instances, or turn ENI trunking on",
    ),
    FailureRule(
        "instances", r"\bRESOURCE:PORTS?\b", True, "the host port is taken: add instances, or let hostPort be 0"
    ),
    FailureRule(
        "instances", r"\bRESOURCE:", True, "add container instances, larger ones, or lower the task's cpu and memory"
    ),
    FailureRule(
        "instances",
        r"(?-i:\bAGENT\b)",
        True,
        "the instance's ECS agent is not connected: look after it, or try again later",
    ),
    FailureRule(
        "instances",
        r"empty capacity provider|no active instances|no container instances",
        True,
        "the cluster has no instances: scale the capacity provider's Auto Scaling group out",
    ),
    FailureRule("instances", r"distinctinstance", True, "every instance has such a task: add instances"),
    FailureRule(
        "instances",
        r"placement constraint",
        False,
        "no instance meets placementConstraints of the task definition: fix them",
    ),
    FailureRule(
        "instances",
        r"(?-i:\bLOCATION\b)",
        False,
        "the instances are in other zones than the subnets: name subnets of their zones",
    ),
    FailureRule(
        "instances",
        r"(?-i:\bATTRIBUTE\b)",
        False,
        "no instance has what the task definition requires (network mode, log driver, architecture): fix either",
    ),
    FailureRule(
        "missing", r"(?-i:\bMISSING\b)", False, "it does not exist: check its name, the cluster and the region"
    ),
    FailureRule("missing", r"(?-i:\bINACTIVE\b)", False, "it was deregistered: name another"),
    FailureRule(
        "definition",
        r"not compatible|platform|launch.?type",
        False,
        "fix launch_type, platform_version, or requiresCompatibilities of the task definition",
    ),
    FailureRule("aws", r"internal ?error", True, "a fault of AWS: try again later"),
)
# An unknown reason may pass: the launch is tried again for as long as launch_timeout allows.
UNKNOWN = FailureRule("unknown", "", True, "")


def explain_failures(failures: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Return the problems that RunTask's ``failures`` report, each reason once with its count.

    Args:
        failures: each holds those of ``reason``, ``detail`` and ``arn`` that ECS gave.
    """
    resources: dict[str, list[str]] = {}
    for failure in failures:
        resources.setdefault(_reason(failure), []).append(_name(failure))
    problems = [_problem(reason, names) for reason, names in list(resources.items())[:KINDS_SHOWN]]
    if len(resources) > KINDS_SHOWN:
        problems.append(Problem("unknown", f"and {len(resources) - KINDS_SHOWN} more reasons"))
    return problems


def may_pass(failure: Mapping[str, Any]) -> bool:
    """Return whether the same request may succeed later, as it may for an unknown reason."""
    return _rule(_reason(failure)).may_pass


def is_capacity(failure: Mapping[str, Any]) -> bool:
    """Return whether AWS has no capacity just now. That request has launched nothing."""
    return bool(CAPACITY.search(_reason(failure)))


def _reason(failure: Mapping[str, Any]) -> str:
    texts = (one_line(str(failure.get(key) or "")) for key in ("reason", "detail"))
    return shortened(": ".join(text for text in texts if text), READ_LIMIT) or NO_REASON


def _name(failure: Mapping[str, Any]) -> str:
    return one_line(str(failure.get("arn") or "")).rpartition("/")[2]


def _problem(reason: str, names: list[str]) -> Problem:
    known = [name for name in dict.fromkeys(names) if name]
    shown = ", ".join(shortened(name, 64) for name in known[:RESOURCES_SHOWN])
    if len(known) > RESOURCES_SHOWN:
        shown += f" and {len(known) - RESOURCES_SHOWN} more"
    count = f"{len(names)} x " if len(names) > 1 else ""
    what = count + shortened(reason, REASON_LIMIT).rstrip(".") + (f" ({shown})" if shown else "")
    rule = _rule(reason)
    return Problem(rule.kind, what, rule.remedy)


def _rule(reason: str) -> FailureRule:
    return next((rule for rule in RULES if re.search(rule.pattern, reason, re.IGNORECASE)), UNKNOWN)
