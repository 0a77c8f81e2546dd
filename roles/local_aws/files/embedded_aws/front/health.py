# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of targets: what Envoy observes, in the words of DescribeTargetHealth.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from embedded_aws.front.clusters import expected
from embedded_aws.front.model import Description, Endpoint, Record, Target, resource_name

DELAY = "300"  # seconds that a target drains unless an attribute says otherwise


class TargetHealth(NamedTuple):
    """State, reason and description of a target; no reason where it is healthy."""

    state: str
    reason: str = ""
    description: str = ""


class Failure(NamedTuple):
    """The last failed health check of a target: its kind in Envoy's words, and the status of the response, or 0."""

    kind: str
    status: int


HEALTHY = TargetHealth("healthy")
REGISTERING = TargetHealth("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
INITIAL = TargetHealth("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
DRAINING = TargetHealth("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
UNUSED = TargetHealth(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)
FAILED = TargetHealth("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
TIMEOUT = TargetHealth("unhealthy", "Target.Timeout", "Request timed out")
INTERNAL = TargetHealth("unhealthy", "Elb.InternalError", "Health checks failed due to an internal error")

Healths = dict[str, dict[Target, TargetHealth]]


def unhealthy(failure: Failure | None) -> TargetHealth:
    """Return the health of a target whose health checks fail."""
    if failure is not None and failure.kind == "NETWORK_TIMEOUT":
        return TIMEOUT
    if failure is not None and failure.status:
        codes = f"Health checks failed with these codes: [{failure.status}]"
        return TargetHealth("unhealthy", "Target.ResponseCodeMismatch", codes)
    return FAILED


def failures(lines: Iterable[str]) -> dict[tuple[str, Target], Failure]:
    """Return the last failure of each target, by cluster and target, from Envoy's log of health check events."""
    found = {}
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # its end is not written yet
        failed = event.get("health_check_failure_event") or event.get("eject_unhealthy_event")
        if failed is not None:
            address = event["host"]["socket_address"]
            target = Target(address["address"], address["port_value"])
            failure = Failure(failed.get("failure_type", "ACTIVE"), int(failed.get("http_status_code", 0)))
            found[event["cluster_name"], target] = failure
    return found


def observed(
    description: Description,
    waiting: Mapping[str, Collection[Target]],
    clusters: Record | None,
    failed: Mapping[tuple[str, Target], Failure],
) -> Healths:
    """Return the health of every target, by the ARN of its target group.

    Args:
        description: what ELBv2 describes, with all registered targets.
        waiting: the targets that have not passed their first health check yet, by the ARN of their target group.
        clusters: Envoy's clusters, as its administration describes them; None where Envoy does not respond.
        failed: the last failure of each target, by cluster and target.
    """
    used = {group["TargetGroupArn"] for group in description.used_groups()}
    flags = _flags(clusters or {})
    found: Healths = {}
    for group in description.target_groups:
        arn = group["TargetGroupArn"]
        name = resource_name(arn)
        healths = found.setdefault(arn, {})
        for target in description.targets.get(arn, []):
            shown = flags.get((name, target))
            if arn not in used:
                healths[target] = UNUSED
            elif target in waiting.get(arn, ()):
                healths[target] = INITIAL
            elif clusters is None:
                healths[target] = INTERNAL
            elif shown is None:
                healths[target] = REGISTERING
            elif shown.get("pending_active_hc"):
                healths[target] = INITIAL
            elif shown.get("failed_active_health_check"):
                healths[target] = unhealthy(failed.get((name, target)))
            else:
                healths[target] = HEALTHY
        for target in description.draining.get(arn, []):
            healths.setdefault(target, DRAINING)
    return found


def busy(clusters: Record) -> dict[tuple[str, Target], int]:
    """Return the number of requests in progress of each target, by cluster and target."""
    return {
        (cluster["name"], _target(host)): sum(
            int(stat.get("value", 0)) for stat in host.get("stats", []) if stat["name"] == "rq_active"
        )
        for cluster in clusters.get("cluster_statuses", [])
        for host in cluster.get("host_statuses", [])
    }


class Standing(Enum):
    """What Envoy makes of a task behind a client alias of Service Connect."""

    READY = "ready"
    WAITING = "waiting"
    DRAINING = "draining"


def standings(endpoints: Iterable[Endpoint], clusters: Record) -> dict[tuple[str, Target], Standing]:
    """Return the standing of each task behind the client aliases, by the alias's name and the task's target.

    Args:
        endpoints: the client aliases of Service Connect.
        clusters: Envoy's clusters, as its administration describes them.
    """
    names = {endpoint.name for endpoint in endpoints}
    return {key: _standing(flags) for key, flags in _flags(clusters).items() if key[0] in names}


class Draining:
    """The targets that are being deregistered: each drains for its group's deregistration delay."""

    def __init__(self) -> None:
        self._registered: dict[str, set[Target]] = {}
        self._until: dict[str, dict[Target, float]] = {}

    def update(self, description: Description, now: float) -> dict[str, list[Target]]:
        """Return the draining targets, by the ARN of their target group.

        Args:
            description: what ELBv2 describes.
            now: in seconds.
        """
        used = {group["TargetGroupArn"] for group in description.used_groups()}
        known = {group["TargetGroupArn"] for group in description.target_groups}
        for arn in known:
            registered = set(description.targets.get(arn, []))
            until = self._until.setdefault(arn, {})
            delay = float(description.attribute(arn, "deregistration_delay.timeout_seconds", DELAY))
            if arn in used:
                until.update(dict.fromkeys(self._registered.get(arn, set()) - registered, now + delay))
            self._registered[arn] = registered
            self._until[arn] = {
                target: end for target, end in until.items() if end > now and target not in registered and arn in used
            }
        for arn in self._registered.keys() - known:
            del self._registered[arn]
            self._until.pop(arn, None)
        return {arn: sorted(until) for arn, until in self._until.items() if until}


def passes(group: Record, target: Target) -> bool:
    """Send a target the health check of its group once; returns whether it passes."""
    port = str(group.get("HealthCheckPort", "traffic-port"))
    where: dict[str, Any] = {
        "host": target.id,
        "port": target.port if port == "traffic-port" else int(port),
        "timeout": float(group.get("HealthCheckTimeoutSeconds", 5)),
    }
    if group.get("Protocol") == "HTTPS":
        context = ssl.create_default_context()
        context.check_hostname = False
        # An Application Load Balancer does not validate the certificates of targets.
        context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(**where, context=context)
    else:
        connection = http.client.HTTPConnection(**where)
    try:
        agent = {"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"}
        connection.request("GET", group.get("HealthCheckPath") or "/", headers=agent)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return any(codes["start"] <= status < codes["end"] for codes in expected(group))


def _standing(flags: Record) -> Standing:
    if flags.get("eds_health_status") == "DRAINING":
        return Standing.DRAINING
    failing = flags.get("failed_active_health_check") or flags.get("pending_active_hc")
    return Standing.WAITING if failing else Standing.READY


def _flags(clusters: Record) -> dict[tuple[str, Target], Record]:
    return {
        (cluster["name"], _target(host)): host.get("health_status", {})
        for cluster in clusters.get("cluster_statuses", [])
        for host in cluster.get("host_statuses", [])
    }


def _target(host: Record) -> Target:
    address = host["address"]["socket_address"]
    return Target(address["address"], int(address["port_value"]))
