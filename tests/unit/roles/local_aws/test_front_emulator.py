# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load balancers in the embedded AWS as the module starts it: by boto3, by a template, and what it leaves."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import service
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.port import can_listen
from botocore.exceptions import ClientError
from embedded import Embedded, embedded_aws
from emulators import FILES, Stack
from front_targets import FAST, NO_DOCKER, Server, make_group, states
from waiting import waited

BALANCER = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Name": "stacked"}}


@pytest.fixture(scope="module")
def embedded() -> Iterator[Embedded]:
    with embedded_aws() as running:
        yield running


def get(url: str, path: str = "/", context: ssl.SSLContext | None = None) -> tuple[int, str]:
    parts = urlsplit(url)
    if context is None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    else:
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=5, context=context)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_a_load_balancer_by_boto3(embedded: Embedded) -> None:
    """From no Envoy at all, by requests to a healthy target, its deregistration, to no Envoy again."""
    elb, server = embedded.client("elbv2"), Server("by-hand")
    assert embedded.envoy is None
    balancer = elb.create_load_balancer(Name="web", Subnets=["subnet-1"])["LoadBalancers"][0]
    address = balancer["DNSName"]
    assert address.startswith("127.78.")
    group, other = make_group(elb, "web"), make_group(elb, "other")
    target = {"Id": "127.0.0.1", "Port": server.server_port}
    elb.register_targets(TargetGroupArn=group, Targets=[target])
    waited(lambda: states(elb, group) == {server.server_port: ("unused", "Target.NotInUse")})
    weights = [{"TargetGroupArn": group, "Weight": 1}, {"TargetGroupArn": other, "Weight": 0}]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Port=46080, Protocol="HTTP", DefaultActions=[action]
    )["Listeners"][0]
    assert listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"] == weights
    html = {"StatusCode": "200", "ContentType": "text/html", "MessageBody": "<b>&</b>"}
    fixed = {"Type": "fixed-response", "FixedResponseConfig": html}
    wanted = {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "page", "Value": "about*"}]}}
    elb.create_rule(ListenerArn=listener["ListenerArn"], Priority=1, Conditions=[wanted], Actions=[fixed])
    rule = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    shown = next(one for one in rule if one["Priority"] == "1")
    assert shown["Conditions"][0]["QueryStringConfig"] == wanted["QueryStringConfig"]
    assert shown["Actions"][0]["FixedResponseConfig"] == html
    waited(lambda: states(elb, group) == {server.server_port: ("healthy", None)})
    url = embedded.urls("web")["46080"]
    assert url == f"http://{address}:46080/"
    status, body = get(url)
    assert status == 200 and '"by-hand"' in body
    assert get(url, "/?a=b&page=about-us") == (200, "<b>&</b>")
    attached = elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]["LoadBalancerArns"]
    assert attached == [balancer["LoadBalancerArn"]]
    with pytest.raises(ClientError, match="ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=group)
    elb.deregister_targets(TargetGroupArn=group, Targets=[target])
    waited(lambda: states(elb, group) == {server.server_port: ("draining", "Target.DeregistrationInProgress")})
    waited(lambda: get(url)[0] == 503)
    waited(lambda: states(elb, group) == {})
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    elb.delete_target_group(TargetGroupArn=group)
    elb.delete_target_group(TargetGroupArn=other)
    waited(lambda: embedded.envoy is None and embedded.urls("web") == {})
    server.end()


def stack_resources(server: Server, blue: int, green: int) -> dict[str, Any]:
    def group(name: str) -> dict[str, Any]:
        attributes = [{"Key": "stickiness.enabled", "Value": "false"}]
        properties = {"Name": name, "Port": server.server_port, "Protocol": "HTTP", "TargetType": "ip", **FAST}
        return {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {**properties, "TargetGroupAttributes": attributes},
        }

    def listener(port: int, protocol: str, **properties: Any) -> dict[str, Any]:
        weights = [
            {"TargetGroupArn": {"Ref": name}, "Weight": weight} for name, weight in (("Blue", blue), ("Green", green))
        ]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
        return {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": {"Ref": "Balancer"},
                "Port": port,
                "Protocol": protocol,
                "DefaultActions": [action],
                **properties,
            },
        }

    zone = {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "example.com"}}
    host = {"Fn::Sub": "app.${AWS::Region}.example.com"}
    validation = [{"DomainName": host, "HostedZoneId": {"Ref": "Zone"}}]
    certificate = {
        "Type": "AWS::CertificateManager::Certificate",
        "Properties": {"DomainName": host, "ValidationMethod": "DNS", "DomainValidationOptions": validation},
    }
    alias = {
        "DNSName": {"Fn::GetAtt": ["Balancer", "DNSName"]},
        "HostedZoneId": {"Fn::GetAtt": ["Balancer", "CanonicalHostedZoneID"]},
        "EvaluateTargetHealth": True,
    }
    record = {"HostedZoneId": {"Ref": "Zone"}, "Name": host, "Type": "A", "AliasTarget": alias}
    path = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/teapot"]}}
    rule = {
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": {"Ref": "Http"},
            "Priority": 5,
            "Conditions": [path],
            "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}],
        },
    }
    return {
        "Balancer": BALANCER,
        "Blue": group("blue"),
        "Green": group("green"),
        "Zone": zone,
        "Certificate": certificate,
        "Record": {"Type": "AWS::Route53::RecordSet", "Properties": record},
        "Http": listener(46081, "HTTP"),
        "Https": listener(46082, "HTTPS", Certificates=[{"CertificateArn": {"Ref": "Certificate"}}]),
        "Rule": rule,
    }


HOST_NAME = "app.us-east-1.example.com"


def certified_names(context: ssl.SSLContext, address: tuple[Any, Any], name: str) -> set[str]:
    """Return the names of the certificate that a listener has for a name, which is verified."""
    with socket.create_connection(address, timeout=5) as raw, context.wrap_socket(raw, server_hostname=name) as secure:
        return {value for _kind, value in (secure.getpeercert() or {}).get("subjectAltName", ())}


def test_a_load_balancer_by_a_template(embedded: Embedded) -> None:
    """Weights of a template's listener shift by an update; HTTPS is verified by the embedded authority and by name."""
    elb, blue, green = embedded.client("elbv2"), Server("blue"), Server("green")
    outputs = {"Address": {"Fn::GetAtt": ["Balancer", "DNSName"]}}
    stack: Stack = embedded.create(stack_resources(blue, 1, 0), outputs)
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    for name, server in (("Blue", blue), ("Green", green)):
        target = {"Id": "127.0.0.1", "Port": server.server_port}
        elb.register_targets(TargetGroupArn=stack.ids[name], Targets=[target])
    waited(lambda: states(elb, stack.ids["Blue"]) == {blue.server_port: ("healthy", None)})
    waited(lambda: states(elb, stack.ids["Green"]) == {green.server_port: ("healthy", None)})
    url, secure = (embedded.urls("stacked")[port] for port in ("46081", "46082"))
    assert urlsplit(url).hostname == stack.outputs["Address"]
    assert '"blue"' in get(url)[1] and get(url, "/teapot")[0] == 418
    authority = embedded.settings.folder.load_balancers()["stacked"]["certificate_authority"]
    context = ssl.create_default_context(cafile=authority)
    assert get(secure, context=context)[0] == 200
    records = embedded.client("route53").list_resource_record_sets(HostedZoneId=stack.ids["Zone"])["ResourceRecordSets"]
    alias = next(each for each in records if each["Type"] == "A")
    assert (alias["Name"], alias["AliasTarget"]["DNSName"]) == (f"{HOST_NAME}.", f"{stack.outputs['Address']}.")
    assert alias["AliasTarget"]["EvaluateTargetHealth"]
    address = (urlsplit(secure).hostname, urlsplit(secure).port)
    assert certified_names(context, address, HOST_NAME) >= {HOST_NAME}
    with pytest.raises(ssl.SSLCertVerificationError):
        certified_names(context, address, "app.example.com")
    updated = embedded.update(stack, stack_resources(blue, 0, 1), outputs)
    assert updated.status == "UPDATE_COMPLETE", updated.reasons
    waited(lambda: '"green"' in get(url)[1])
    assert Counter(name for _each in range(20) for name in ("blue", "green") if f'"{name}"' in get(url)[1]) == {
        "green": 20
    }
    embedded.delete(stack)
    waited(lambda: embedded.envoy is None)
    for server in (blue, green):
        server.end()


@pytest.mark.parametrize(
    ("operation", "request_", "name"),
    [
        ("create_load_balancer", {"Name": "a", "Type": "network"}, "Type"),
        ("create_load_balancer", {"Name": "a", "IpAddressType": "dualstack"}, "IpAddressType"),
        ("create_target_group", {"Name": "a", "Protocol": "TCP", "Port": 80, "TargetType": "ip"}, "Protocol"),
        ("create_target_group", {"Name": "a", "Protocol": "HTTP", "Port": 80}, "TargetType"),
        (
            "create_target_group",
            {"Name": "a", "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "ProtocolVersion": "GRPC"},
            "ProtocolVersion",
        ),
        (
            "create_listener",
            {"LoadBalancerArn": "a", "Port": 80, "Protocol": "HTTP", "MutualAuthentication": {"Mode": "off"}},
            "MutualAuthentication.Mode",
        ),
        (
            "create_rule",
            {
                "ListenerArn": "a",
                "Priority": 1,
                "Conditions": [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}],
                "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
            },
            "Conditions.SourceIpConfig.Values",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unsupported_parameter_is_refused(
    embedded: Embedded, operation: str, request_: dict[str, Any], name: str
) -> None:
    given = {"DefaultActions": [{"Type": "forward", "TargetGroupArn": "a"}]} if operation == "create_listener" else {}
    with pytest.raises(ClientError, match=rf"not supported by the embedded AWS: .*{name}"):
        getattr(embedded.client("elbv2"), operation)(**request_, **given)


@pytest.mark.parametrize(
    ("resource", "properties", "name"),
    [
        ("LoadBalancer", {"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "on"}, "EnforceSecurityGroup"),
        ("LoadBalancer", {"Type": "gateway"}, "Type"),
        ("TargetGroup", {"Port": 80, "Protocol": "HTTP"}, "TargetType"),
        ("TargetGroup", {"Port": 80, "Protocol": "HTTP", "TargetType": "ip", "Targets": [{"Id": "a"}]}, "Targets.Id"),
    ],
)
def test_unsupported_property_fails_the_stack(
    embedded: Embedded, resource: str, properties: dict[str, Any], name: str
) -> None:
    made = {"One": {"Type": f"AWS::ElasticLoadBalancingV2::{resource}", "Properties": properties}}
    stack = embedded.create(made)
    assert stack.status == "ROLLBACK_COMPLETE"
    assert any("not supported by the embedded AWS" in reason and name in reason for reason in stack.reasons)


def test_target_elsewhere_is_refused(embedded: Embedded) -> None:
    """No request leaves this machine."""
    elb = embedded.client("elbv2")
    group = make_group(elb, "elsewhere")
    with pytest.raises(ClientError, match="no address of this machine"):
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1", "Port": 80}])
    elb.delete_target_group(TargetGroupArn=group)


def test_deletion_protection_holds(embedded: Embedded) -> None:
    elb = embedded.client("elbv2")
    arn = elb.create_load_balancer(Name="kept", Subnets=["subnet-1"])["LoadBalancers"][0]["LoadBalancerArn"]
    for value in ("true", "false"):
        attributes = [{"Key": "deletion_protection.enabled", "Value": value}]
        elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)
        if value == "true":
            with pytest.raises(ClientError, match="OperationNotPermitted"):
                elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.delete_load_balancer(LoadBalancerArn=arn)


def test_attribute_without_effect_is_logged(embedded: Embedded) -> None:
    elb = embedded.client("elbv2")
    arn = elb.create_load_balancer(Name="logged", Subnets=["subnet-1"])["LoadBalancers"][0]["LoadBalancerArn"]
    attributes = [{"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)
    waited(lambda: "drop_invalid_header_fields.enabled=true" in embedded.log.read_text())
    elb.delete_load_balancer(LoadBalancerArn=arn)


def run_with_ministack(script: str) -> str:
    """Run a script in a process of its own, since it changes MiniStack's modules; returns its output."""
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(FILES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not found.returncode, found.stderr
    return found.stdout


def test_task_stops_once_it_is_drained() -> None:
    """A task of a service leaves its target group first; a task that serves nothing stops at once."""
    out = run_with_ministack("""
        import time
        from pathlib import Path
        from ministack.services import alb, ecs
        from embedded_aws.front.elbv2 import installation
        drained, checks = [], []
        front = installation.install(Path("/nonexistent"), 4566, in_containers=False)
        front.is_drained = lambda group, address: checks.append(address) or bool(drained)
        operation = {"Name": "web", "Port": "80", "Protocol": "HTTP", "TargetType": "ip"}
        alb._ACTION_MAP["CreateTargetGroup"](operation)
        group = next(iter(alb._tgs))
        cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/default"
        ecs._create_cluster({"clusterName": "default"})
        balancer = {"targetGroupArn": group, "containerPort": 80}
        ecs._services["default/web"] = {
            "serviceName": "web", "clusterArn": cluster, "status": "ACTIVE", "loadBalancers": [balancer],
        }

        def task(number, group):
            arn = f"arn:aws:ecs:us-east-1:000000000000:task/default/{number:032}"
            details = [{"name": "privateIPv4Address", "value": f"127.77.0.{number}"}]
            ecs._tasks[arn] = {
                "taskArn": arn, "clusterArn": cluster, "group": group, "lastStatus": "RUNNING",
                "desiredStatus": "RUNNING", "attachments": [{"id": "1", "details": details}], "containers": [],
            }
            return ecs._tasks[arn]

        def stop(task):
            ecs._stop_task({"cluster": "default", "task": task["taskArn"]})
            return task["lastStatus"]

        ecs._get_docker = lambda: None
        stays, leaves, alone = task(1, "service:web"), task(2, "service:web"), task(3, "family:job")
        ecs._refresh_service_state("default", "service:web")
        print(stop(alone))
        print(len(alb._targets[group]), stop(leaves), leaves["desiredStatus"], stop(leaves))
        print([target["Id"] for target in alb._targets[group]])
        deadline = time.monotonic() + 10
        while len(checks) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        print(leaves["lastStatus"])
        drained.append(True)
        while leaves["lastStatus"] != "STOPPED" and time.monotonic() < deadline:
            time.sleep(0.02)
        print(leaves["lastStatus"], stays["lastStatus"])
    """)
    assert out.splitlines() == [
        "STOPPED",
        "2 DEACTIVATING STOPPED DEACTIVATING",
        "['127.77.0.1']",
        "DEACTIVATING",
        "STOPPED RUNNING",
    ]


def test_missing_name_of_ministack_is_refused() -> None:
    """Another version of MiniStack may lack a private name, and would ignore what is replaced."""
    out = run_with_ministack("""
        from pathlib import Path
        from ministack.services import alb
        del alb._tg_xml
        from embedded_aws.front.elbv2 import installation
        try:
            installation.install(Path("/nonexistent"), 4566, in_containers=False)
        except RuntimeError as error:
            print(error)
    """)
    assert out.startswith("MiniStack lacks ministack.services.alb._tg_xml -> install")


def test_without_envoy_one_line_says_how_to_get_it() -> None:
    out = run_with_ministack("""
        from pathlib import Path
        from ministack.services import alb
        from embedded_aws.front import envoy
        envoy.binary = lambda: None
        from embedded_aws.front.elbv2 import installation
        installation.install(Path("/nonexistent"), 4566, in_containers=False)
        print(alb._ACTION_MAP["CreateLoadBalancer"]({"Name": "web"})[2].decode())
    """)
    assert "need Envoy" in out and "--requirement requirements/load-balancer.txt" in out


def test_envoy_ends_with_a_killed_emulator(embedded: Embedded) -> None:
    """The last test of this emulator: it is killed, Envoy ends, a start and a stop leave nothing."""
    elb = embedded.client("elbv2")
    elb.create_load_balancer(Name="last", Subnets=["subnet-1"])
    waited(lambda: embedded.envoy)
    pids = service.running_pids(embedded.settings)
    os.kill(pids["ministack"], signal.SIGKILL)
    waited(lambda: embedded.envoy is None and not Path(f"/proc/{pids['envoy']}/exe").exists())
    waited(lambda: can_listen("127.0.0.1", embedded.settings.port))
    service.start(embedded.settings, "process", NO_DOCKER, 60, lambda: False)
    assert not embedded.settings.folder.front.exists()
    embedded.client("elbv2").create_load_balancer(Name="last", Subnets=["subnet-1"])
    pid = waited(lambda: embedded.envoy)
    service.stop(embedded.settings, lambda: False)
    assert service.running_pids(embedded.settings) == {}
    assert not Path(f"/proc/{pid}").exists()
    assert not embedded.settings.folder.front.exists()
