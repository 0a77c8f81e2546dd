# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults planted in the names of a system, by the property that has to find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from planted_faults import Plant
from template_case import Case

# Joined with the small description: a public load balancer with a host name, and a service with two targets behind it.
NAMED: Mapping[str, Any] = {
    "domain": {"zone": "example.com"},
    "load_balancers": {
        "site": {
            "scheme": "internet-facing",
            "host": "shop",
            "admits": ["0.0.0.0/0"],
            "listeners": {
                "http": {"port": 80, "redirect_to": 443},
                "https": {"port": 443, "protocol": "HTTPS"},
                "admin": {"port": 8443, "protocol": "HTTPS", "admits": []},
            },
        }
    },
    "services": {
        "portal": {
            "ports": {"http": 8080, "admin": 9000},
            "load_balancer": {"name": "site", "health_check": {"port": "admin"}},
            "targets": {"admin": {"name": "site", "listener": "admin", "port": "admin"}},
            "calls": ["load_balancer:site"],
        }
    },
}
PORTAL, SITE, GROUPS = "service-portal", "load-balancer-site", "security-groups"


def _at(case: Case, component: str, resource: str) -> dict[str, Any]:
    return case.properties(component, resource)


def _resources(case: Case, component: str) -> dict[str, Any]:
    found = case.templates[component]["Resources"]
    assert isinstance(found, dict)
    return found


def _url(case: Case, text: str) -> None:
    case.templates[SITE]["Outputs"]["Url"]["Value"]["Fn::Sub"][0] = text


NAMES_FAULTS: Mapping[str, Sequence[Plant]] = {
    "a_zone_is_created_where_none_is_given": (
        lambda case: _resources(case, "domain").pop("HostedZone"),
        lambda case: _at(case, "domain", "HostedZone").update(Name="example.org"),
        lambda case: _at(case, "domain", "HostedZone").pop("HostedZoneTags"),
        lambda case: _resources(case, "domain")["HostedZone"].pop("DeletionPolicy"),
    ),
    "records_have_the_host_names": (
        lambda case: _resources(case, "records").pop("SiteRecord"),
        lambda case: _at(case, "records", "SiteRecord").update(Name="shop.example.com"),
        lambda case: _at(case, "records", "SiteRecord").update(HostedZoneId="Z1"),
        lambda case: _at(case, "records", "SiteRecord")["AliasTarget"].pop("EvaluateTargetHealth"),
        lambda case: case.templates[SITE]["Outputs"]["HostName"].update(Value="shop.example.com"),
    ),
    "listeners_have_certificates": (
        lambda case: _at(case, SITE, "ListenerHttps").pop("Certificates"),
        lambda case: _at(case, "certificates", "SiteCertificate").update(DomainName="shop.example.com"),
        lambda case: _at(case, "certificates", "SiteCertificate").update(ValidationMethod="EMAIL"),
    ),
    "urls_lead_to_listeners": (
        lambda case: _url(case, "http://${Host}"),
        lambda case: _url(case, "https://${Host}:8443"),
        lambda case: _url(case, "https://shop"),
    ),
    "target_groups_are_checked": (
        lambda case: _at(case, PORTAL, "TargetGroup").pop("HealthCheckPort"),
        lambda case: _at(case, PORTAL, "TargetGroupAdmin").pop("HealthCheckPath"),
        lambda case: _at(case, PORTAL, "TargetGroupAdmin").update(Protocol="HTTPS"),
    ),
    "further_targets_are_complete": (
        lambda case: _at(case, PORTAL, "Service")["LoadBalancers"].pop(),
        lambda case: _resources(case, PORTAL)["Service"].update(DependsOn=["ListenerRule"]),
        lambda case: _at(case, PORTAL, "ListenerRuleAdmin").update(ListenerArn="x"),
        lambda case: _at(case, PORTAL, "UnhealthyAdminAlarm").update(AlarmName="x"),
        lambda case: _at(case, PORTAL, "UnhealthyAdminAlarm").update(
            Metrics=_at(case, PORTAL, "UnhealthyAlarm")["Metrics"]
        ),
    ),
}
# Further faults for properties of any template.
RANGES: Sequence[Plant] = (
    lambda case: _resources(case, GROUPS).pop("LoadBalancerSiteFromNat2On443"),
    lambda case: _resources(case, GROUPS).pop("ServicePortalToLoadBalancerSiteOn80Egress"),
    lambda case: _at(case, GROUPS, "LoadBalancerSiteFromNat1On80").update(FromPort=8443),
    lambda case: _at(case, GROUPS, "LoadBalancerSiteFromNat1On80").update(
        CidrIp={"Fn::Sub": ["${Address}/0", {"Address": {"Fn::Select": [0, "x"]}}]}
    ),
)
