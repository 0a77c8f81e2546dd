# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service Connect and clusters of one description: the order of services, what is rendered, and names in AWS."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import System, parse
from ansible_collections.gantry.ecs.plugins.plugin_utils.iam_policy import policy_values
from system_strategies import filled, small
from template_parser import load, render

INSIGHTS = "cluster_container_insights"


def service(*calls: str, **keys: Any) -> dict[str, Any]:
    return {"ports": {"http": 8000}, "service_connect": {"http": {}}, "calls": list(calls), **keys}


def system(**services: Any) -> System:
    return parse(filled({"name": "shop", "project": "shop", "components": small()["components"], "services": services}))


def needs(found: System, name: str) -> set[str]:
    return {each for each in found.components[f"service-{name}"].needs if each.startswith("service-")}


def properties(found: System, name: str) -> dict[str, Any]:
    rendered = found.components[f"service-{name}"].rendered
    assert rendered
    result = rendered.template["Resources"]["Service"]["Properties"]
    assert isinstance(result, dict)
    return result


def test_a_service_is_deployed_after_those_that_it_calls() -> None:
    found = system(web=service("api"), api=service("store"), store=service())
    assert needs(found, "web") == {"service-api"}
    assert needs(found, "api") == {"service-store"}
    assert needs(found, "store") == set()


def test_of_a_circle_the_first_listed_is_deployed_first() -> None:
    """Each of the others still waits for the services that are listed before it."""
    found = system(web=service("api"), api=service("web", "store"), store=service("api"))
    assert needs(found, "web") == set()
    assert needs(found, "api") == {"service-web"}
    assert needs(found, "store") == {"service-api"}


def test_a_name_is_rendered_with_its_ports() -> None:
    names = {"http": {"dns_name": "shop.internal", "port": 80, "ingress_port": 18000}}
    found = system(web=service("api"), api=service(service_connect=names))
    [offered] = properties(found, "api")["ServiceConnectConfiguration"]["Services"]
    assert offered == {
        "PortName": "http",
        "DiscoveryName": "api_http",
        "ClientAliases": [{"DnsName": "shop.internal", "Port": 80}],
        "IngressPortOverride": 18000,
    }
    assert found.components["service-web"].takes["NamespaceNamespaceArn"].text == "namespace.NamespaceArn"


def test_a_client_offers_no_name() -> None:
    found = system(web={"calls": ["api"]}, api=service())
    connect = properties(found, "web")["ServiceConnectConfiguration"]
    assert connect["Enabled"]
    assert "Services" not in connect


def test_a_service_without_names_is_in_no_namespace() -> None:
    found = system(web={"calls": ["api"]}, api={"ports": {"http": 8000}})
    assert "namespace" not in found.components
    assert "ServiceConnectConfiguration" not in properties(found, "web")


def test_a_base_and_a_weight_of_a_provider_are_rendered() -> None:
    found = system(web={"capacity_providers": {"FARGATE": {"base": 1, "weight": 50}}})
    assert properties(found, "web")["CapacityProviderStrategy"] == [
        {"CapacityProvider": "FARGATE", "Base": 1, "Weight": 50}
    ]


def two_clusters() -> dict[str, Any]:
    stated = {INSIGHTS: "disabled"}
    return small(
        components={
            "cluster": {"arguments": stated},
            "login-cluster": {"role": "cluster", "arguments": {"cluster_name": "login", **stated}},
        },
        services={"web": {"cluster": "login-cluster"}},
        jobs={"mail": {"cluster": "login-cluster"}},
    )


def test_each_cluster_has_its_name_and_its_component() -> None:
    """Also the first one: a variable of the other is still set when its role is called."""
    found = parse(filled(two_clusters()))
    assert found.components["cluster"].arguments == {
        "cluster_name": "",
        "cluster_component": "cluster",
        INSIGHTS: "disabled",
    }
    assert found.components["login-cluster"].arguments["cluster_component"] == "login-cluster"
    assert found.clusters == {"cluster": "", "login-cluster": "login"}
    assert found.cluster_of == {"web": "login", "worker": "", "mail-workers": "login", "sum": "", "mail": "login"}
    assert found.jobs["mail"].takes["job_cluster"].text == "login-cluster.ClusterName"


def test_insights_are_those_of_the_cluster_that_scales() -> None:
    """Workers of a job in the second cluster turn on the metrics of that one."""
    document = two_clusters()
    del document["components"]["login-cluster"]["arguments"][INSIGHTS]
    assert parse(filled(document)).components["login-cluster"].arguments[INSIGHTS] == "enabled"


def test_policies_name_each_cluster() -> None:
    here = "123456789012"
    values = policy_values(
        **{"project": "shop", "environment": "dev", "components": []},
        **{"account": here, "region": "eu-west-1", "partition": "aws"},
        description=filled(two_clusters()),
    )
    start = f"arn:aws:ecs:eu-west-1:{here}"
    assert values["Clusters"] == [f"{start}:cluster/shop-dev", f"{start}:cluster/shop-dev-login"]
    assert values["ClusterTasks"] == [f"{start}:task/shop-dev/*", f"{start}:task/shop-dev-login/*"]
    assert f"{start}:service/shop-dev-login/shop-dev-web" in values["Services"]
    assert f"{start}:service/shop-dev/shop-dev-worker" in values["Services"]
    assert f"{start}:task/shop-dev-login/*" in values["GrantedResources"]


def test_a_cluster_and_its_log_group_have_the_name() -> None:
    named = {"Environment": "dev", "Exec": "true", "Name": "login"}
    first, second = (render("cluster", parameters) for parameters in ({**named, "Name": ""}, named))
    assert first.properties("Cluster")["ClusterName"] == "ddbload-dev"
    assert first.properties("ExecLogGroup")["LogGroupName"] == "/ddbload/dev/exec"
    assert second.properties("Cluster")["ClusterName"] == "ddbload-dev-login"
    assert second.properties("ExecLogGroup")["LogGroupName"] == "/ddbload/dev/exec/login"
    assert load("cluster")["Resources"]["Cluster"]["Properties"]["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


def test_an_environment_has_its_first_cluster_and_the_named() -> None:
    assert Names("shop", "dev", ["cluster"], ["login"]).clusters == ["shop-dev", "shop-dev-login"]
