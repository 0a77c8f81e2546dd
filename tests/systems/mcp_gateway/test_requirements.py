# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan of the MCP gateway requires, in the rendered templates of its description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rendered_gateway import cluster, gateway, network
from test_template_properties import PROPERTIES

CLUSTERS = ("cluster", "keycloak-cluster")
SERVICES = {
    "registry": (1024, 2048),
    "auth-server": (1024, 2048),
    "keycloak": (1024, 2048),
    "currenttime-server": (512, 1024),
    "mcpgw-server": (512, 1024),
    "realserverfaketools-server": (512, 1024),
    "flight-booking-agent": (512, 1024),
    "travel-assistant-agent": (512, 1024),
}
TARGETS = {
    ("auth-server", 8888, "/health"),
    ("registry", 80, "/health"),
    ("registry", 7860, "/health"),
    ("keycloak", 8080, "/"),
}


def resources(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield component and properties of each resource of a type."""
    return ((component, properties) for component, _name, properties in gateway().resources(kind))


def tracked(service: str) -> dict[str, float]:
    """Return the targets of a service's scaling policies by metric."""
    found = {}
    for component, properties in resources("AWS::ApplicationAutoScaling::ScalingPolicy"):
        if component == f"service-{service}":
            tracking = properties["TargetTrackingScalingPolicyConfiguration"]
            metric = tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]
            found[metric.removeprefix("ECSServiceAverage").removesuffix("Utilization")] = tracking["TargetValue"]
    return found


def test_the_network_has_three_zones_of_both_kinds() -> None:
    made = network()
    subnets = [each["Properties"] for each in made.of_type("AWS::EC2::Subnet").values()]
    assert len({each["AvailabilityZone"] for each in subnets}) == 3
    assert len(subnets) == 6
    assert made.properties("Vpc")["CidrBlock"] == "10.0.0.0/16"
    assert len(made.of_type("AWS::EC2::NatGateway")) == 3
    # One for the public subnets, and one for the private subnet of each zone.
    assert len(made.of_type("AWS::EC2::RouteTable")) == 4


def test_the_vpc_resolves_names() -> None:
    vpc = network().properties("Vpc")
    assert vpc["EnableDnsSupport"] is True
    assert vpc["EnableDnsHostnames"] is True


def test_sts_and_s3_have_endpoints() -> None:
    endpoints = [each["Properties"] for each in network().of_type("AWS::EC2::VPCEndpoint").values()]
    found = {(each["VpcEndpointType"], each["ServiceName"].rpartition(".")[2]) for each in endpoints}
    assert {("Interface", "sts"), ("Gateway", "s3")} <= found


def test_two_clusters_have_both_providers_and_insights() -> None:
    """Each logs the commands of ECS Exec, too."""
    for component in CLUSTERS:
        [properties] = [each["Properties"] for each in cluster(component).of_type("AWS::ECS::Cluster").values()]
        assert {*properties["CapacityProviders"]} == {"FARGATE", "FARGATE_SPOT"}
        assert {"Name": "containerInsights", "Value": "enabled"} in properties["ClusterSettings"]
        assert properties["Configuration"]["ExecuteCommandConfiguration"]["Logging"] == "OVERRIDE"


def test_eight_services_run_in_the_two_clusters() -> None:
    case = gateway()
    sizes = {name: (each["cpu"], each["memory"]) for name, each in case.description["services"].items()}
    assert sizes == SERVICES
    for component, name, _service in case.services():
        own = "keycloak-cluster" if name == "keycloak" else "cluster"
        assert case.value(component, case.properties(component, "Service")["Cluster"]).startswith(f"{own}.")


def test_each_service_has_a_health_check() -> None:
    for component, name, _service in gateway().services():
        containers = gateway().properties(component, "TaskDefinition")["ContainerDefinitions"]
        [main] = [each for each in containers if each["Name"] == name]
        assert main["HealthCheck"]["Command"][1:]


def test_services_find_each_other_by_name() -> None:
    """All but Keycloak, whose callers take its public name, as in the original."""
    found = {}
    for component, name, _service in gateway().services():
        configuration = gateway().properties(component, "Service").get("ServiceConnectConfiguration", {})
        for each in configuration.get("Services", []):
            found[name] = [(alias["DnsName"], alias["Port"]) for alias in each["ClientAliases"]]
    assert found == {
        name: [(name, port)]
        for name, port in {
            "auth-server": 8888,
            "registry": 7860,
            "currenttime-server": 8000,
            "mcpgw-server": 8003,
            "realserverfaketools-server": 8002,
            "flight-booking-agent": 9000,
            "travel-assistant-agent": 9000,
        }.items()
    }


def test_listeners_are_those_of_the_plan() -> None:
    found: dict[str, set[int]] = {}
    for component, properties in resources("AWS::ElasticLoadBalancingV2::Listener"):
        found.setdefault(component, set()).add(properties["Port"])
        assert (properties["Protocol"] == "HTTPS") == bool(properties.get("Certificates"))
    assert found == {"load-balancer-main": {80, 443, 8888, 7860}, "load-balancer-keycloak": {80, 443}}


def test_each_backend_has_a_target_group() -> None:
    found = {
        (component.removeprefix("service-"), properties["Port"], properties["HealthCheckPath"])
        for component, properties in resources("AWS::ElasticLoadBalancingV2::TargetGroup")
    }
    assert found == TARGETS


def test_the_database_is_serverless_and_encrypted() -> None:
    case = gateway()
    cluster_of_database = case.properties("database-keycloak", "Cluster")
    assert cluster_of_database["Engine"] == "aurora-mysql"
    assert cluster_of_database["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 2}
    assert cluster_of_database["BackupRetentionPeriod"] == 7
    assert case.value("database-keycloak", cluster_of_database["KmsKeyId"]) == "keys.DataKeyArn"
    assert case.properties("keys", "DataKey")["EnableKeyRotation"] is True


def test_six_access_points_have_a_mount_target_a_zone() -> None:
    file_systems = list(resources("AWS::EFS::FileSystem"))
    assert len(file_systems) == len(list(resources("AWS::EFS::AccessPoint"))) == 6
    assert all(each["Encrypted"] for _component, each in file_systems)
    assert len(list(resources("AWS::EFS::MountTarget"))) == 6 * 3


def test_names_hold_the_region() -> None:
    names = {gateway().value(component, each["Name"]) for component, each in resources("AWS::Route53::RecordSet")}
    assert names == {f"{host}.${{AWS::Region}}.example.com" for host in ("registry", "kc")}
    certified = {
        gateway().value(component, each["DomainName"])
        for component, each in resources("AWS::CertificateManager::Certificate")
    }
    assert certified == names


def test_settings_of_keycloak_are_secure_parameters() -> None:
    container = gateway().properties("service-keycloak", "TaskDefinition")["ContainerDefinitions"][0]
    found = {each["Name"]: gateway().value("service-keycloak", each["ValueFrom"]) for each in container["Secrets"]}
    assert len(found) == len(gateway().description["parameters"]) == 5
    assert all(each.startswith("parameters.Keycloak") for each in found.values())


def test_every_service_scales() -> None:
    """On memory, too, where the original does: the servers and agents of the demo hold little in memory."""
    targets = {
        component.removeprefix("service-"): (each["MinCapacity"], each["MaxCapacity"])
        for component, each in resources("AWS::ApplicationAutoScaling::ScalableTarget")
    }
    assert targets == {name: (1 if name == "keycloak" else 2, 4) for name in SERVICES}
    for name in SERVICES:
        has_memory = name in ("registry", "auth-server", "keycloak")
        assert tracked(name) == {"CPU": 70, **({"Memory": 80} if has_memory else {})}


def test_logs_are_kept_for_thirty_days_and_seven() -> None:
    for component, name, _service in gateway().services():
        days = gateway().properties(component, "LogGroup")["RetentionInDays"]
        assert days == (7 if name == "keycloak" else 30)


def test_tasks_may_be_entered_by_ecs_exec() -> None:
    for component, _name, _service in gateway().services():
        assert gateway().properties(component, "Service")["EnableExecuteCommand"] is True
        actions = {action for each in gateway().statements(component, "TaskRole") for action in each["Action"]}
        assert "ssmmessages:CreateControlChannel" in actions


def test_every_property_holds_for_the_gateway() -> None:
    assert [f"{name}: {found}" for name, each in PROPERTIES.items() for found in each(gateway())] == []
