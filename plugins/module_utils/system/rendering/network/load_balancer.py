# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Application Load Balancer with its listeners; the rules that lead to services are in the services' stacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.certificates import (
    certificate_of,
    takes_certificate,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.domain import host_name
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import group_of
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Output,
    Parts,
    logical_id,
    name_tag,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Listener, LoadBalancer, Sections

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
RESOURCE = "LoadBalancer"
PORTS = {"HTTPS": 443, "HTTP": 80}


def component(name: str) -> str:
    """Return the component of a load balancer."""
    return f"load-balancer-{name}"


def listener_output(load_balancer: str, listener: str) -> Output:
    """Return the ARN of a listener."""
    return Output(component(load_balancer), f"Listener{logical_id(listener)}Arn")


def target_metrics(
    load_balancer: str, groups: Sequence[str], metric: str, statistic: str, period: int | None = None
) -> list[dict[str, Any]]:
    """Return a metric of each target group of a service, for an expression over them: m1, m2.

    Args:
        load_balancer: its name.
        groups: logical ids of the target groups.
        metric: its name in AWS/ApplicationELB.
        statistic: such as Sum.
        period: in seconds; None for target tracking, which sets it itself.
    """
    return [
        {
            "Id": f"m{number}",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/ApplicationELB",
                    "MetricName": metric,
                    "Dimensions": [
                        {"Name": "TargetGroup", "Value": {"Fn::GetAtt": [group, "TargetGroupFullName"]}},
                        {"Name": "LoadBalancer", "Value": Output(component(load_balancer), "FullName")},
                    ],
                },
                **({"Period": period} if period else {}),
                "Stat": statistic,
            },
        }
        for number, group in enumerate(groups, start=1)
    ]


def default_listener(load_balancer: LoadBalancer) -> str:
    """Return the listener that a service takes unless it names one: the first that does not redirect."""
    return next(name for name, listener in load_balancer["listeners"].items() if "redirect_to" not in listener)


def load_balancer_parts(name: str, sections: Sections) -> Parts:
    """Return a load balancer and its listeners."""
    load_balancer = sections["load_balancers"][name]
    dns_name = {"Fn::GetAtt": [RESOURCE, "DNSName"]}
    host = host_name(load_balancer, sections["domain"]) if "host" in load_balancer else dns_name
    subnets = "PrivateSubnetIds" if load_balancer["scheme"] == "internal" else "PublicSubnetIds"
    listeners = load_balancer["listeners"]
    return Parts(
        {
            RESOURCE: {
                "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "Properties": {
                    "Type": "application",
                    "Scheme": load_balancer["scheme"],
                    "Subnets": Output("network", subnets, is_list=True),
                    "SecurityGroups": [group_of("load_balancer", name)],
                    "LoadBalancerAttributes": [
                        {"Key": "idle_timeout.timeout_seconds", "Value": str(load_balancer["idle_timeout"])},
                        {
                            "Key": "deletion_protection.enabled",
                            "Value": str(load_balancer["deletion_protection"]).lower(),
                        },
                        {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
                    ],
                    "Tags": name_tag(name),
                },
            },
            **{
                f"Listener{logical_id(each)}": _listener(listener, _certificate(name, load_balancer, listener))
                for each, listener in listeners.items()
            },
        },
        {
            "DnsName": output(f"DNS name of load balancer {name}.", dns_name),
            "HostedZoneId": output(
                "Hosted zone of its DNS name, for aliases.", {"Fn::GetAtt": [RESOURCE, "CanonicalHostedZoneID"]}
            ),
            "HostName": output("Its host name in the domain; without one, its DNS name.", host),
            "Url": output("Its URL, of HTTPS where it has that.", sub(_url(load_balancer), Host=host)),
            "FullName": output("Dimension of its metrics.", {"Fn::GetAtt": [RESOURCE, "LoadBalancerFullName"]}),
            "Arn": output("ARN of the load balancer.", {"Ref": RESOURCE}),
            **{
                f"Listener{logical_id(each)}Arn": output(
                    f"ARN of listener {each}.", {"Ref": f"Listener{logical_id(each)}"}
                )
                for each in listeners
            },
        },
    )


def _certificate(name: str, load_balancer: LoadBalancer, listener: Listener) -> Any:
    """Return the ARN of a listener's certificate; None with HTTP."""
    is_derived = takes_certificate(load_balancer, listener)
    return certificate_of(name) if is_derived else listener.get("certificate_arn")


def _url(load_balancer: LoadBalancer) -> str:
    """Return the URL of a load balancer, in which ${Host} stands for its host name.

    It is that of the first listener on port 443, else of the first one with HTTPS; that of a listener which redirects
    only where all do.
    """
    listeners = load_balancer["listeners"].values()
    direct = [each for each in listeners if "redirect_to" not in each] or list(listeners)
    first = min(direct, key=lambda each: (each["protocol"] != "HTTPS", each["port"] != PORTS[each["protocol"]]))
    port = "" if first["port"] == PORTS[first["protocol"]] else f":{first['port']}"
    return f"{first['protocol'].lower()}://${{Host}}{port}"


def _listener(listener: Listener, certificate: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": {"Ref": RESOURCE},
            "Port": listener["port"],
            "Protocol": listener["protocol"],
            **({"Certificates": [{"CertificateArn": certificate}], "SslPolicy": TLS_POLICY} if certificate else {}),
            "DefaultActions": [_default_action(listener)],
        },
    }


def _default_action(listener: Listener) -> dict[str, Any]:
    """Return what happens to a request that no service's rule matches."""
    if "redirect_to" in listener:
        redirect = {"Protocol": "HTTPS", "Port": str(listener["redirect_to"]), "StatusCode": "HTTP_301"}
        return {"Type": "redirect", "RedirectConfig": redirect}
    response = {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "No service answers this path."}
    return {"Type": "fixed-response", "FixedResponseConfig": response}
