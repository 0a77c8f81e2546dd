# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traffic of a service: targets of its deployments, weights of its listener rules, its bake time and alarms.

ECS owns the weights of the rules that a service names:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb-resources-for-blue-green.html
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import alb, cloudwatch, ecs

from embedded_aws.extension.metrics import pace
from embedded_aws.extension.services import deployment_requests, scheduler
from embedded_aws.extension.services.rollout import BLUE_GREEN, Move, Rollout, bake_minutes, next_move, strategy

Record = dict[str, Any]
RULES = ("productionListenerRule", "testListenerRule")


def shifts(service: Record) -> bool:
    """Return whether deployments of a service shift traffic from one target group to another."""
    return strategy(service.get("deploymentConfiguration")) == BLUE_GREEN


def pairs(service: Record) -> list[tuple[Record, tuple[str, str]]]:
    """Return the load balancers of a service between whose two target groups its traffic shifts."""
    return [
        (balancer, (balancer["targetGroupArn"], balancer["advancedConfiguration"]["alternateTargetGroupArn"]))
        for balancer in service.get("loadBalancers") or []
        if balancer.get("advancedConfiguration")
    ]


def side(service: Record, deployment: Record) -> int:
    """Return which of two target groups a deployment has: not that of the deployment before it."""
    if "_side" not in deployment:
        before = next((each for each in service["deployments"] if each.get("_served") and "_side" in each), None)
        deployment["_side"] = 1 - before["_side"] if before else 0
    return int(deployment["_side"])


def may_complete(_cluster: str, service: Record, primary: Record) -> bool:
    """Move a deployment on whose targets are healthy, and return whether it may be completed."""
    configuration = service.get("deploymentConfiguration")
    shifted_at, now = primary.get("_shifted_at"), time.monotonic()
    first = not any(each.get("_served") for each in service["deployments"])
    rollout = Rollout(
        baked_s=None if shifted_at is None else now - shifted_at,
        bake_s=0.0 if first else bake_minutes(configuration) * pace.minute_s(),
        alarms=frozenset(alarms(service, primary)),
        returning=bool(primary.get("_served")),
    )
    move = next_move(rollout)
    if move is Move.SHIFT:
        _shift(service, primary)
        for each in service["deployments"]:
            each.pop("_shifted_at", None)  # so that traffic shifts again where the service goes back to one of them
        primary["_shifted_at"] = now
        primary["_stage"] = "BAKE_TIME"
        if not shifts(service):
            primary.pop("_stage")
        return rollout.bake_s == 0 or rollout.returning
    if move is Move.COMPLETE:
        primary["_stage"] = "CLEAN_UP"
    return move is Move.COMPLETE


def watch(service: Record) -> None:
    """Fail the deployment in progress of a service for which one of its alarms sounds."""
    primary = ecs._primary_deployment(service)
    if not primary or primary["rolloutState"] != "IN_PROGRESS":
        return
    if shifts(service):
        primary.setdefault("_stage", "SCALE_UP")
    if primary.get("_served"):
        return
    if found := alarms(service, primary):
        reason = f"Service deployment rolled back because of 1 or more alarms in ALARM: {', '.join(sorted(found))}."
        configured = service["deploymentConfiguration"]["alarms"]
        deployment_requests.fail(service, reason, roll_back=bool(configured.get("rollback")))


def alarms(service: Record, primary: Record) -> set[str]:
    """Return the alarms of a service that are in ALARM, without those that were so when its deployment started."""
    configured = (service.get("deploymentConfiguration") or {}).get("alarms") or {}
    if not configured.get("enable"):
        return set()
    found = {
        name
        for name in configured.get("alarmNames") or []
        for alarm in (cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name),)
        if alarm and alarm["StateValue"] == "ALARM"
    }
    ignored = primary.setdefault("_ignored_alarms", sorted(found))
    return found - set(ignored)


def install() -> None:
    """Let services shift their traffic, bake, and heed their alarms."""
    publish = ecs._sync_service_targets

    def publish_by_deployment(cluster: str, service: Record) -> None:
        if not shifts(service) or not pairs(service):
            publish(cluster, service)
            return
        for balancer, groups in pairs(service):
            for number, group in enumerate(groups):
                _publish(service, group, number, int(balancer.get("containerPort", 80)))

    ecs._sync_service_targets = publish_by_deployment
    scheduler.gates.append(may_complete)
    scheduler.observers.append(watch)


def _publish(service: Record, group: str, number: int, port: int) -> None:
    deployments = {each["id"] for each in service["deployments"] if side(service, each) == number}
    targets = [
        (address, port)
        for task in scheduler.tasks_of(service)
        if service["status"] == "ACTIVE" and task["lastStatus"] == "RUNNING"
        if task.get("_deployment_id") in deployments and (address := ecs._task_ip(task))
    ]
    with ecs.resource_lock("elbv2-targets", group):
        ledger = service.setdefault("_published_targets", {})
        alb.set_targets_for_group(group, targets, ledger.get(group, ()))
        ledger[group] = [address for address, _port in targets]


def _shift(service: Record, deployment: Record) -> None:
    """Give all traffic of a service to one of its deployments."""
    if not shifts(service):
        return
    number = side(service, deployment)
    for each in service["deployments"]:
        each["_weight"] = 100.0 if each is deployment else 0.0
    for balancer, groups in pairs(service):
        for name in RULES:
            rule = alb._rules.get(balancer["advancedConfiguration"].get(name, ""))
            for action in rule["Actions"] if rule else []:
                if action["Type"] == "forward":
                    weights = [{"TargetGroupArn": group, "Weight": 0} for group in groups]
                    weights[number]["Weight"] = 100
                    action["ForwardConfig"] = {"TargetGroups": weights}
                    action["TargetGroupArn"] = groups[number]
    scheduler.say(service, f"(deployment {deployment['id']}) production traffic has shifted.")
    # The publication of targets makes the load balancers look at their rules again.
    ecs._sync_service_targets(service["clusterArn"].rpartition("/")[2], service)
