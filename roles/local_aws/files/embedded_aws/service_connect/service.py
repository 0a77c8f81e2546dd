# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service Connect of ECS on MiniStack: requests, the aliases that services publish, and the drain of their tasks.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ministack.core import responses
from ministack.services import ecs, servicediscovery

from embedded_aws.extension.services import deployment_requests, scheduler
from embedded_aws.extension.tasks.health_checks import is_pending
from embedded_aws.front import envoy
from embedded_aws.front.control import Front
from embedded_aws.front.elbv2 import tasks
from embedded_aws.front.elbv2.tasks import Drain
from embedded_aws.front.model import Address, Endpoint, Target
from embedded_aws.names.registry import EVERYWHERE, NAMES
from embedded_aws.service_connect.addresses import AliasAddresses, endpoint_name
from embedded_aws.service_connect.configuration import Alias, aliases, ports, problems

Record = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Action = Callable[[Record], Response]
MEMBER, NAMESPACE_NAME = "serviceConnectConfiguration", "_namespace_name"
OWNER = "service-connect"
# In which a task's port accepts a connection, or its deployment is completed all the same.
READY_SECONDS = 30.0
DRAIN_SECONDS = 15.0  # as long as a request takes at most unless its timeout says otherwise
IN_CONTAINERS = "Service Connect of the embedded AWS needs tasks that are processes -> -e local_task_engine=process"
_present = threading.local()


@dataclass(frozen=True)
class Published:
    """An alias of a service's deployment, with the addresses of its tasks."""

    namespace: str
    alias: Alias
    service: str
    running: tuple[str, ...]
    draining: tuple[str, ...]


class ServiceConnect:
    """Service Connect of one embedded AWS."""

    def __init__(self, front: Front, addresses: AliasAddresses, *, in_containers: bool) -> None:
        """Prepare, and change nothing.

        Args:
            front: what runs Envoy.
            addresses: of the aliases.
            in_containers: whether tasks are containers, which do not reach the loopback.
        """
        self.front = front
        self.addresses = addresses
        self.in_containers = in_containers
        self._known: list[Endpoint] = []

    def install(self) -> None:
        """Let ECS keep and follow the Service Connect configuration of services."""
        make_deployment, publish = ecs._make_deployment, ecs._sync_service_targets

        def make_configured_deployment(*given: Any, **named: Any) -> Any:
            deployment = make_deployment(*given, **named)
            if configuration := getattr(_present, "configuration", None):
                deployment[MEMBER] = configuration
            return deployment

        def publish_and_follow(cluster: str, service: Record) -> None:
            publish(cluster, service)
            self.follow()

        ecs._make_deployment = make_configured_deployment
        ecs._sync_service_targets = publish_and_follow
        deployment_requests.refused.discard(MEMBER)
        for name in ("CreateService", "UpdateService"):
            ecs._ACTION_MAP[name] = self._checked(ecs._ACTION_MAP[name])
        describe = self.front.describe
        self.front.describe = lambda: replace(describe(), endpoints=self.endpoints())
        scheduler.gates.append(self.are_ready)
        tasks.drains.append(self.drains)

    def follow(self) -> None:
        """Publish the names of aliases, and have Envoy follow the running tasks, where they have changed."""
        found = self.endpoints()
        if found == self._known:
            return
        self._known = found
        names: dict[str, dict[str, str]] = {}
        for one in published():
            names.setdefault(one.namespace, {})[one.alias.name] = self.addresses.host(one.namespace, one.alias.name)
        for namespace in NAMES.scopes(OWNER) | names.keys():
            NAMES.publish(OWNER, names.get(namespace, {}), namespace)
        if found:
            self.front.wake()
        else:
            self.front.follow_deletion()

    def endpoints(self) -> list[Endpoint]:
        """Return the aliases of all namespaces, with the tasks behind each."""
        found: dict[str, Endpoint] = {}
        for one in published():
            name = endpoint_name(one.namespace, one.alias)
            host = self.addresses.host(one.namespace, one.alias.name)
            port, target = one.alias.port, one.alias.target
            known = found.get(name) or Endpoint(name, Address(host, port), target.protocol, one.alias.timeouts)
            found[name] = replace(
                known,
                targets=tuple(sorted({*known.targets, *(Target(one_id, target.number) for one_id in one.running)})),
                draining=tuple(sorted({*known.draining, *(Target(one_id, target.number) for one_id in one.draining)})),
            )
        return [found[name] for name in sorted(found)]

    def scope_of(self, task: Mapping[str, Any]) -> str:
        """Return the ARN of the namespace in which a task resolves names; empty where it is no client."""
        for _key, service in ecs._services.all_items():
            if f"service:{service['serviceName']}" == task.get("group") and service["clusterArn"] == task["clusterArn"]:
                for deployment in service["deployments"]:
                    if deployment["id"] == task.get("_deployment_id"):
                        return str((deployment.get(MEMBER) or {}).get("namespace", EVERYWHERE))
        return EVERYWHERE

    def are_ready(self, _cluster: str, service: Record, primary: Record) -> bool:
        """Return whether each running task of a deployment gets the requests of its aliases, or had the time for it."""
        limit_s = time.time() - READY_SECONDS
        recent = {
            ecs._task_ip(task)
            for task in scheduler.tasks_of(service)
            if task["lastStatus"] == "RUNNING" and task.get("_deployment_id") == primary["id"]
            if ecs._ts_to_epoch(task["startedAt"]) > limit_s
        }
        return all(
            self.front.is_ready(endpoint_name(one.namespace, one.alias), Target(address, one.alias.target.number))
            for one in published(service["serviceArn"])
            for address in recent.intersection(one.running)
        )

    def drains(self, task: Mapping[str, Any]) -> list[Drain]:
        """Return what a running task is drained of: the requests of each alias of its service."""
        address = ecs._task_ip(task)

        def drain(one: Published) -> Drain:
            name, target = endpoint_name(one.namespace, one.alias), Target(address, one.alias.target.number)
            is_http = bool(one.alias.target.protocol)
            seconds = float(one.alias.timeouts.request) or DRAIN_SECONDS
            return Drain(seconds, lambda: self.front.has_left(name, target, is_idle=is_http))

        return [drain(one) for one in published() if address in one.running]

    def _checked(self, action: Action) -> Action:
        def handle(request: Record) -> Response:
            service = deployment_requests.service_of(request)
            current = (ecs._primary_deployment(service) or {}).get(MEMBER) if service else None
            configuration = current
            if MEMBER in request:
                try:
                    configuration = self._resolved(request, service)
                except ValueError as error:
                    refused: Response = responses.error_response_json("InvalidParameterException", str(error), 400)
                    return refused
            given = {name: value for name, value in request.items() if name != MEMBER}
            if service and configuration != current:
                given["forceNewDeployment"] = True
            _present.configuration = configuration
            try:
                return action(given)
            finally:
                _present.configuration = None
                self.follow()

        return handle

    def _resolved(self, request: Record, service: Record | None) -> Record | None:
        """Return the configuration of a request with the ARN of its namespace; None where it is not enabled.

        Raises:
            ValueError: ECS refuses it, or it has no effect here.
        """
        configuration: Record = request[MEMBER] or {}
        if not configuration.get("enabled"):
            return None
        if self.in_containers:
            raise ValueError(IN_CONTAINERS)
        if not self.front.is_installed:
            raise ValueError(envoy.MISSING)
        arn, name = _namespace(configuration.get("namespace", ""))
        reference = request.get("taskDefinition") or (service or {}).get("taskDefinition", "")
        known = ports(ecs._task_defs.get(ecs._resolve_td_key(reference)) or {})
        own = (service or {}).get("serviceArn", "")
        others = [one.alias for one in published() if one.namespace == arn and one.service != own]
        if found := next(problems(configuration, name, known, others), None):
            raise ValueError(f"{MEMBER}: {found}")
        listening = {(one.alias.name, one.alias.port) for one in published() if one.namespace == arn}
        for alias in aliases(configuration, name, known):
            if (alias.name, alias.port) not in listening:
                self.addresses.check(arn, alias)
        return {**configuration, "namespace": arn, NAMESPACE_NAME: name}


def published(service_arn: str = "") -> list[Published]:
    """Return the aliases that services publish, in every region and account.

    Args:
        service_arn: of the one service that counts; all of them by default.
    """
    live: dict[tuple[str, str], list[Record]] = {}
    for _key, task in ecs._tasks.all_items():
        live.setdefault((task.get("clusterArn", ""), task.get("group", "")), []).append(task)
    return [
        one
        for (account, region, _name), service in ecs._services.all_items()
        if service["status"] == "ACTIVE" and service_arn in ("", service["serviceArn"])
        for one in _published(account, region, service, live)
    ]


def _published(
    account: str, region: str, service: Record, live: Mapping[tuple[str, str], list[Record]]
) -> Iterator[Published]:
    of_service = live.get((service["clusterArn"], f"service:{service['serviceName']}"), [])
    for deployment in service["deployments"]:
        configuration = deployment.get(MEMBER)
        of_deployment = [task for task in of_service if task.get("_deployment_id") == deployment["id"]]
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
        running = _addresses([task for task in of_deployment if not is_pending(task)], "RUNNING")
        draining = _addresses(of_deployment, "DEACTIVATING")
        if configuration and (deployment["status"] == "PRIMARY" or running or draining):
            definition = ecs._task_defs.get_scoped(account, region, deployment["taskDefinition"].rpartition("/")[2])
            for alias in aliases(configuration, configuration[NAMESPACE_NAME], ports(definition or {})):
                yield Published(configuration["namespace"], alias, service["serviceArn"], running, draining)


def _addresses(of_deployment: list[Record], status: str) -> tuple[str, ...]:
    return tuple(address for task in of_deployment if task["lastStatus"] == status and (address := ecs._task_ip(task)))


def _namespace(reference: str) -> tuple[str, str]:
    """Return the ARN and the name of a namespace that a service names by either.

    Raises:
        ValueError: there is none.
    """
    if not reference:
        raise ValueError(f"{MEMBER}.namespace is missing -> name a namespace of AWS Cloud Map")
    for namespace in servicediscovery._namespaces.values():
        if reference in (namespace["Arn"], namespace["Name"]):
            return str(namespace["Arn"]), str(namespace["Name"])
    raise ValueError(f"{MEMBER}: namespace {reference} does not exist -> create it first")
