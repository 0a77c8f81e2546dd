# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELBv2's operations on MiniStack: refusals, what MiniStack drops, and the health of targets."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.services import acm, alb
from ministack.services.cloudformation import provisioners

from embedded_aws.front import envoy, health
from embedded_aws.front.addresses import NoAddressError
from embedded_aws.front.control import Front
from embedded_aws.front.elbv2 import parameters, query
from embedded_aws.front.model import Description, Record, Target, forwards

Response = tuple[int, dict[str, str], bytes]
Operation = Callable[[Mapping[str, Any]], Response]
NOT_REGISTERED = health.TargetHealth("unused", "Target.NotRegistered", "Target is not registered to the target group")


class Service:
    """ELBv2 of one embedded AWS.

    Attributes:
        front: what serves its load balancers.
        in_containers: whether tasks are containers, whose addresses are private ones instead of loopback ones.
    """

    def __init__(self, front: Front, *, in_containers: bool) -> None:
        self.front = front
        self.in_containers = in_containers

    def install(self) -> None:
        """Replace MiniStack's operations by checked ones."""
        _keep_forwards()
        _keep_query_strings()
        _show_load_balancers()
        publish = alb.set_targets_for_group

        def set_targets(*given: Any, **named: Any) -> Any:
            published = publish(*given, **named)
            self.follow()
            return published

        alb.set_targets_for_group = set_targets
        create, remove = alb._ACTION_MAP["CreateLoadBalancer"], alb._ACTION_MAP["DeleteTargetGroup"]
        own: dict[str, Operation] = {
            "CreateLoadBalancer": lambda given: self._create_load_balancer(create, given),
            "DeleteLoadBalancer": _delete_load_balancer,
            "DeleteTargetGroup": lambda given: _delete_target_group(remove, given),
            "RegisterTargets": self._register_targets,
            "DeregisterTargets": _deregister_targets,
            "DescribeTargetHealth": self._describe_target_health,
        }
        for name, operation in (alb._ACTION_MAP | own).items():
            alb._ACTION_MAP[name] = self._checked(name, operation)

    def follow(self) -> None:
        """Have the front follow a change, once there is a load balancer."""
        if scoped(alb._lbs):
            self.front.wake()

    def set_address(self, arn: str) -> str:
        """Give a new load balancer its address as its DNS name, since no DNS server resolves AWS's; returns it."""
        host = self.front.addresses.host(arn)
        alb._lbs[arn]["DNSName"] = host
        self.front.wake()
        return host

    def is_reachable(self, address: str) -> bool:
        """Return whether requests may be sent to an address: it is on this machine."""
        try:
            found = ipaddress.IPv4Address(address)
        except ValueError:
            return False
        return found.is_loopback or (self.in_containers and found.is_private)

    def describe(self) -> Description:
        """Return what ELBv2 describes, in every region and account."""
        rules: dict[str, list[Record]] = {}
        for rule in scoped(alb._rules).values():
            rules.setdefault(rule["ListenerArn"], []).append(dict(rule))
        groups = scoped(alb._tgs)
        attributes = scoped(alb._lb_attrs) | scoped(alb._listener_attrs) | scoped(alb._tg_attrs)
        return Description(
            load_balancers=[dict(record) for record in scoped(alb._lbs).values()],
            listeners=[dict(record) for record in scoped(alb._listeners).values()],
            rules=rules,
            target_groups=[dict(record) for record in groups.values()],
            targets={arn: [target for target in registered(arn) if self.is_reachable(target.id)] for arn in groups},
            attributes={
                arn: {str(one["Key"]): str(one["Value"]) for one in found} for arn, found in attributes.items()
            },
        )

    def _checked(self, name: str, operation: Operation) -> Operation:
        def handle(given: Mapping[str, Any]) -> Response:
            refused = parameters.unknown(name, given) or parameters.refused_values(name, _record(given))
            if refused:
                return _error("ValidationError", parameters.refusal(refused))
            if missing := missing_certificates(alb._parse_certificate_arns(given)):
                return _error("CertificateNotFound", f"Certificate '{missing[0]}' not found")
            response = operation(given)
            if not name.startswith("Describe"):
                self.follow()
            return response

        return handle

    def _create_load_balancer(self, create: Operation, given: Mapping[str, Any]) -> Response:
        if not self.front.is_installed:
            return _error("ValidationError", envoy.MISSING)
        before = set(scoped(alb._lbs))
        response = create(given)
        for arn in set(scoped(alb._lbs)) - before:
            try:
                self.set_address(arn)
            except NoAddressError as error:
                _delete_load_balancer({"LoadBalancerArn": arn})
                return _error("TooManyLoadBalancers", str(error))
            shown = f"<LoadBalancers>{alb._lb_xml(alb._lbs[arn])}</LoadBalancers>"
            response = alb._xml(200, "CreateLoadBalancer", shown)
        return response

    def _register_targets(self, given: Mapping[str, Any]) -> Response:
        arn = query.value(given, "TargetGroupArn")
        if arn not in alb._tgs:
            return _no_group(arn)
        wanted = query.targets(given, int(alb._tgs[arn]["Port"]))
        if elsewhere := [target.id for target in wanted if not self.is_reachable(target.id)]:
            message = f"{', '.join(elsewhere)}: no address of this machine -> register one of 127.0.0.0/8"
            return _error("InvalidTarget", message)
        known = registered(arn)
        new = [{"Id": target.id, "Port": target.port} for target in dict.fromkeys(wanted) if target not in known]
        alb._targets[arn] = [*alb._targets.get(arn, []), *new]
        return _empty("RegisterTargets")

    def _describe_target_health(self, given: Mapping[str, Any]) -> Response:
        arn = query.value(given, "TargetGroupArn")
        if arn not in alb._tgs:
            return _no_group(arn)
        known = registered(arn)
        found = {
            target: self.front.health(arn, target) if self.is_reachable(target.id) else health.FAILED
            for target in known
        }
        found |= {target: health.DRAINING for target in self.front.draining(arn) if target not in known}
        if wanted := query.targets(given, 0):
            shown = {target: one for target, one in found.items() if any(_names(name, target) for name in wanted)}
            port = int(alb._tgs[arn]["Port"])
            for name in wanted:
                if not any(_names(name, target) for target in found):
                    shown[Target(name.id, name.port or port)] = NOT_REGISTERED
            found = shown
        response: Response = alb._xml(200, "DescribeTargetHealth", query.health_xml(found.items()))
        return response


def scoped(store: Any) -> dict[str, Any]:
    """Return the content of one of MiniStack's stores by ARN, of all accounts and regions."""
    return {key[-1]: found for key, found in list(store._data.items())}


def registered(arn: str) -> list[Target]:
    """Return the registered targets of a target group."""
    group = scoped(alb._tgs).get(arn, {})
    return [
        Target(one["Id"], int(one.get("Port") or group.get("Port", 80))) for one in scoped(alb._targets).get(arn, [])
    ]


def domains(listener: Record) -> list[str]:
    """Return the domain names of a listener's certificate."""
    known = scoped(acm._certificates)
    found = [known[arn] for arn in listener.get("Certificates", []) if arn in known]
    return [name for one in found for name in (one["DomainName"], *one.get("SubjectAlternativeNames", []))]


def missing_certificates(arns: Iterable[str]) -> list[str]:
    """Return the ARNs that are no certificate of ACM."""
    known = scoped(acm._certificates)
    return [arn for arn in arns if arn not in known]


def _record(given: Mapping[str, Any]) -> Record:
    """Return a request as the record that it makes."""
    plain: Record = {name: query.value(given, name) for name in given if "." not in name}
    lists = {
        "Conditions": alb._parse_conditions(given),
        "Actions": alb._parse_actions(given, "Actions"),
        "DefaultActions": alb._parse_actions(given, "DefaultActions"),
        "Certificates": alb._parse_certificate_arns(given),
    }
    return plain | {name: found for name, found in lists.items() if found}


def _names(name: Target, target: Target) -> bool:
    return name.id == target.id and name.port in (0, target.port)


def _delete_load_balancer(given: Mapping[str, Any]) -> Response:
    arn = query.value(given, "LoadBalancerArn")
    attributes = {one["Key"]: one["Value"] for one in alb._lb_attrs.get(arn, [])}
    if attributes.get("deletion_protection.enabled") == "true":
        message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        return _error("OperationNotPermitted", message)
    provisioners._elbv2_load_balancer_delete(arn, {})
    return _empty("DeleteLoadBalancer")


def _delete_target_group(remove: Operation, given: Mapping[str, Any]) -> Response:
    arn = query.value(given, "TargetGroupArn")
    if _load_balancers_of(arn):
        return _error("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")
    return remove(given)


def _deregister_targets(given: Mapping[str, Any]) -> Response:
    arn = query.value(given, "TargetGroupArn")
    if arn not in alb._tgs:
        return _no_group(arn)
    wanted = query.targets(given, 0)
    kept = [target for target in registered(arn) if not any(_names(name, target) for name in wanted)]
    alb._targets[arn] = [{"Id": target.id, "Port": target.port} for target in kept]
    return _empty("DeregisterTargets")


def _load_balancers_of(group_arn: str) -> list[str]:
    listeners = scoped(alb._listeners)
    found = {
        listeners[rule["ListenerArn"]]["LoadBalancerArn"]
        for rule in scoped(alb._rules).values()
        if rule["ListenerArn"] in listeners
        and group_arn in (arn for action in rule["Actions"] for arn, _weight in forwards(action))
    }
    return sorted(found)


def _keep_forwards() -> None:
    parse, render = alb._parse_actions, alb._action_xml

    def parse_all(given: Mapping[str, Any], prefix: str = "DefaultActions") -> list[Record]:
        found = []
        for number, action in enumerate(parse(given, prefix), 1):
            config = query.forward_config(given, f"{prefix}.member.{number}")
            found.append(query.with_forward(action | ({"ForwardConfig": config} if config else {})))
        return found

    alb._parse_actions = parse_all
    alb._action_xml = lambda action: query.action_xml(render, action)


def _keep_query_strings() -> None:
    parse, render = alb._parse_conditions, alb._condition_xml

    def parse_all(given: Mapping[str, Any], prefix: str = "Conditions") -> list[Record]:
        found = []
        for number, condition in enumerate(parse(given, prefix), 1):
            pairs = query.query_pairs(given, f"{prefix}.member.{number}")
            found.append(condition | ({"QueryStringConfig": {"Values": pairs}} if pairs else {}))
        return found

    alb._parse_conditions = parse_all
    alb._condition_xml = lambda condition: query.condition_xml(render, condition)


def _show_load_balancers() -> None:
    render = alb._tg_xml
    alb._tg_xml = lambda group: render(group | {"LoadBalancerArns": _load_balancers_of(group["TargetGroupArn"])})


def _error(code: str, message: str) -> Response:
    response: Response = alb._error(code, message)
    return response


def _empty(name: str) -> Response:
    response: Response = alb._empty(name)
    return response


def _no_group(arn: str) -> Response:
    return _error("TargetGroupNotFound", f"Target group '{arn}' not found.")
