# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rendered gateway does on purpose other than the original's Terraform: nine differences, each shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rendered_gateway import gateway
from template_case import walk
from template_properties import open_ranges_are_those_of_listeners, security_groups_admit_calls_only
from workload_properties import no_role_has_every_resource

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"


def listeners(load_balancer: str) -> dict[int, dict[str, Any]]:
    """Return the listeners of a load balancer by port."""
    case = gateway()
    found = (each for where, _id, each in case.resources(LISTENER) if where == f"load-balancer-{load_balancer}")
    return {each["Port"]: each for each in found}


def groups() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the security groups with their logical ids."""
    for _component, name, properties in gateway().resources("AWS::EC2::SecurityGroup"):
        yield name, properties


def test_the_side_doors_admit_nobody() -> None:
    admitted = next(each for name, each in groups() if name == "LoadBalancerMain")["SecurityGroupIngress"]
    assert {each["FromPort"] for each in admitted} == {80, 443}
    assert {listeners("main")[port]["Protocol"] for port in (7860, 8888)} == {"HTTPS"}


def test_the_probe_of_keycloak_can_fail() -> None:
    container = gateway().properties("service-keycloak", "TaskDefinition")["ContainerDefinitions"][0]
    command = " ".join(container["HealthCheck"]["Command"])
    assert "GET /health/ready" in command
    assert 'test "$status" = 200' in command


def test_roles_name_the_arn_of_each_resource() -> None:
    case = gateway()
    assert list(no_role_has_every_resource(case)) == []
    for component, _name, _service in case.services():
        actions = {action for each in case.statements(component, "TaskRole") for action in each["Action"]}
        assert not {each for each in actions if each.startswith(("secretsmanager:", "ssm:Get", "kms:"))}
        for statement in case.statements(component, "ExecutionRole"):
            if "secretsmanager:GetSecretValue" in statement["Action"]:
                assert "*" not in "".join(statement["Resource"])


def test_passwords_are_generated() -> None:
    """No template has a parameter for one, and each secret and password of the description is generated."""
    case = gateway()
    parameters = {name for template in case.templates.values() for name in template["Parameters"]}
    assert not {name for name in parameters if name.endswith(("Password", "Secret"))}
    for component, name, properties in case.resources("AWS::SecretsManager::Secret"):
        assert "GenerateSecretString" in properties, (component, name)
        assert "SecretString" not in properties
    passwords = [each for name, each in case.description["parameters"].items() if name.endswith("password")]
    assert [sorted(each.keys() & {"value", "secret", "generate"}) for each in passwords] == [["generate"], ["secret"]]


def test_keycloak_connects_to_the_proxy_with_tls() -> None:
    case = gateway()
    endpoint = case.templates["database-keycloak"]["Outputs"]["Endpoint"]["Value"]
    assert case.value("database-keycloak", endpoint) == "database-keycloak:Proxy.Endpoint"
    assert case.properties("database-keycloak", "Proxy")["RequireTLS"] is True
    assert "${database-keycloak.Endpoint}" in case.description["parameters"]["keycloak-database-url"]["value"]


def test_tasks_mount_access_points_as_user_1000() -> None:
    case = gateway()
    volumes = [
        volume["EFSVolumeConfiguration"]
        for _component, _name, properties in case.resources("AWS::ECS::TaskDefinition")
        for volume in properties.get("Volumes", [])
        if "EFSVolumeConfiguration" in volume
    ]
    # auth-server 2, registry 5, mcpgw-server and the job scopes 1 each.
    assert len(volumes) == 9
    for volume in volumes:
        assert volume["TransitEncryption"] == "ENABLED"
        assert volume["AuthorizationConfig"]["IAM"] == "ENABLED"
        assert volume["AuthorizationConfig"]["AccessPointId"]
    owners = [each["PosixUser"] for _component, _name, each in case.resources("AWS::EFS::AccessPoint")]
    assert owners == [{"Uid": "1000", "Gid": "1000"}] * 6


def test_port_80_redirects_to_443() -> None:
    for load_balancer in ("main", "keycloak"):
        [action] = listeners(load_balancer)[80]["DefaultActions"]
        assert action["Type"] == "redirect"
        assert (action["RedirectConfig"]["Protocol"], action["RedirectConfig"]["Port"]) == ("HTTPS", "443")


def test_tasks_connect_to_what_they_call_alone() -> None:
    case = gateway()
    assert list(security_groups_admit_calls_only(case)) == []
    assert list(open_ranges_are_those_of_listeners(case)) == []
    for name, properties in groups():
        if name.startswith(("Service", "Job")):
            assert not properties.get("SecurityGroupIngress")
            open_ports = {
                each["FromPort"] for each in properties["SecurityGroupEgress"] if "0.0.0.0/0" in each.values()
            }
            assert open_ports <= {443}, name


def test_a_failed_deployment_rolls_back() -> None:
    case = gateway()
    for component, _name, _service in case.services():
        breaker = case.properties(component, "Service")["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
        assert (breaker["Enable"], breaker["Rollback"]) == (True, True), component


def test_no_variable_of_a_task_is_a_secret() -> None:
    """Passwords are no plain variables in the original either; the templates of its fork have some."""
    words = ("PASSWORD", "SECRET_KEY", "CLIENT_SECRET")
    for _component, container in gateway().containers():
        names = {each["Name"] for each in container.get("Environment", [])}
        assert not {name for name in names if name.endswith(words)}
        values = [each["Value"] for each in container.get("Environment", [])]
        assert not [node for node in walk(values) if isinstance(node, str) and "resolve:" in node]
