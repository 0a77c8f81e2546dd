# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Envoy's configuration from ELBv2's Describe responses: properties over drawn rules, and what has no route."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from embedded_aws.front import addresses, clusters, health, routes
from embedded_aws.front.addresses import Addresses, NoAddressError
from embedded_aws.front.configuration import CLUSTERS, LISTENERS, configuration, problems
from embedded_aws.front.model import Address, Certificate, Description, Target, resource_name
from front_descriptions import balancer, fixed, forward, group, host, listener, path, query, redirect, rule
from hypothesis import given
from hypothesis import strategies as st

DIRECTORY = Path("/run/front")
HTTP, HTTPS = listener(80), listener(443, "HTTPS")
ADDRESSES = {HTTP["ListenerArn"]: Address("127.78.0.1", 8080), HTTPS["ListenerArn"]: Address("127.78.0.1", 8443)}
CERTIFICATES = {HTTPS["ListenerArn"]: Certificate("/run/front/c.pem", "/run/front/c.key")}
BLUE, GREEN = group("blue"), group("green")

letters = st.text("ab/*?.+(", min_size=1, max_size=6)
words = st.text("ab", max_size=3)
conditions = st.lists(
    st.one_of(
        st.lists(letters, min_size=1, max_size=3).map(lambda values: path(*(f"/{value}" for value in values))),
        st.lists(letters, min_size=1, max_size=3).map(lambda values: host(*values)),
        st.lists(st.tuples(words, letters), min_size=1, max_size=2).map(lambda pairs: query(*pairs)),
        st.sampled_from(["GET", "POST"]).map(
            lambda method: {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": [method]}}
        ),
    ),
    max_size=2,
    # ELBv2 admits several query strings, and one of each other field.
    unique_by=lambda condition: repr(condition) if condition["Field"] == "query-string" else condition["Field"],
)


def description(rules: list[dict[str, Any]], **changes: Any) -> Description:
    """Return a load balancer with these rules on both listeners."""
    return Description(
        load_balancers=[balancer()],
        listeners=[HTTP, HTTPS],
        rules={HTTP["ListenerArn"]: rules, HTTPS["ListenerArn"]: rules},
        target_groups=[BLUE, GREEN],
        **changes,
    )


def files(described: Description) -> dict[str, list[dict[str, Any]]]:
    return configuration(described, ADDRESSES, CERTIFICATES, DIRECTORY)


def routes_of(described: Description) -> list[dict[str, Any]]:
    found = files(described)[f"routes-{resource_name(HTTP['ListenerArn'])}.json"][0]
    return list(found["virtual_hosts"][0]["routes"])


def wildcard(pattern: str, text: str) -> bool:
    """Return whether a text matches a pattern of ELBv2, by recursion over both."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return wildcard(pattern[1:], text) or (bool(text) and wildcard(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and wildcard(pattern[1:], text[1:])


def holds(condition: dict[str, Any], request: dict[str, str]) -> bool:
    """Return whether a condition holds, as ELBv2's documentation describes it."""
    field, url = condition["Field"], request[":path"]
    if field == "path-pattern":
        return any(wildcard(value, url.partition("?")[0]) for value in condition["PathPatternConfig"]["Values"])
    if field == "host-header":
        name = request[":authority"].partition(":")[0].lower()
        return any(wildcard(value.lower(), name) for value in condition["Values"])
    if field == "http-request-method":
        return request[":method"] in condition["HttpRequestMethodConfig"]["Values"]
    pairs = [pair.partition("=") for pair in url.partition("?")[2].split("&") if "=" in pair]
    return any(
        wildcard(wanted.get("Key", "*").lower(), key.lower()) and wildcard(wanted["Value"].lower(), value.lower())
        for wanted in condition["QueryStringConfig"]["Values"]
        for key, _equals, value in pairs
    )


def matches(match: dict[str, Any], request: dict[str, str]) -> bool:
    """Return whether Envoy's RouteMatch matches: a safe_regex matches a whole value."""
    if "safe_regex" in match and not re.fullmatch(match["safe_regex"]["regex"], request[":path"].partition("?")[0]):
        return False
    return all(
        re.fullmatch(header["string_match"]["safe_regex"]["regex"], request[header["name"]])
        for header in match.get("headers", [])
    )


@given(st.lists(conditions, max_size=5), st.data())
def test_first_matching_rule_decides(drawn: list[list[dict[str, Any]]], data: st.DataObject) -> None:
    """Envoy's routes, in their order, pick the rule that ELBv2 picks by priority."""
    rules = [rule(number, fixed(200 + number), *found) for number, found in enumerate(drawn, 1)]
    described = description([rule("default", fixed(404)), *data.draw(st.permutations(rules))])
    text = st.text("ab/.+(", max_size=5)
    pair = st.tuples(words, text).map("=".join)
    request = {
        ":method": data.draw(st.sampled_from(["GET", "POST"])),
        ":authority": data.draw(st.text("abA.+", min_size=1, max_size=5)) + data.draw(st.sampled_from(["", ":8080"])),
        ":path": f"/{data.draw(text)}" + data.draw(st.lists(pair, max_size=2).map("&".join).map(lambda one: f"?{one}")),
    }
    expected = next(
        (int(one["Actions"][0]["FixedResponseConfig"]["StatusCode"]) for one in rules
         if all(holds(condition, request) for condition in one["Conditions"])),
        404,
    )  # fmt: skip
    found = next(route for route in routes_of(described) if matches(route["match"], request))
    assert found["direct_response"]["status"] == expected


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 999)), min_size=1, max_size=4), st.integers())
def test_configuration_is_deterministic(weights: list[tuple[int, int]], seed: int) -> None:
    """The order in which ELBv2 lists its resources changes nothing, and every referenced cluster exists."""
    rules = [rule(number, forward((BLUE, blue), (GREEN, green))) for number, (blue, green) in enumerate(weights, 1)]
    targets = {BLUE["TargetGroupArn"]: [Target("127.77.0.1", 80), Target("127.77.0.2", 80)]}
    one = description([*rules, rule("default", fixed(404))], targets=targets)
    shuffled = random.Random(seed)
    other = replace(
        one,
        listeners=shuffled.sample(one.listeners, 2),
        target_groups=shuffled.sample(one.target_groups, 2),
        rules={arn: shuffled.sample(found, len(found)) for arn, found in one.rules.items()},
        targets={arn: shuffled.sample(found, len(found)) for arn, found in targets.items()},
    )
    assert json.dumps(files(one), sort_keys=True) == json.dumps(files(other), sort_keys=True)
    clusters_made = {cluster["name"] for cluster in files(one)[CLUSTERS]}
    assert clusters_made == {resource_name(one["TargetGroupArn"]) for one in (BLUE, GREEN)}
    for (blue, green), route in zip(weights, routes_of(one), strict=False):
        found = route.get("route", {})
        if not blue + green:
            assert route["direct_response"]["status"] == 503
        elif blue and green:
            shares = {part["name"]: part["weight"] for part in found["weighted_clusters"]["clusters"]}
            assert shares == {"blue-0123456789abcdef": blue, "green-0123456789abcdef": green}
        else:
            assert found["cluster"] == resource_name((BLUE if blue else GREEN)["TargetGroupArn"])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {"scheme_redirect": "http", "port_redirect": 8080}),
        ({"Protocol": "HTTPS", "Port": "443"}, {"scheme_redirect": "https", "port_redirect": 8443}),
        ({"Port": "9000", "Host": "other.example.com"}, {"port_redirect": 9000, "host_redirect": "other.example.com"}),
        ({"Path": "/new"}, {"path_redirect": "/new"}),
        ({"Path": "/new", "Query": "a=b"}, {"path_redirect": "/new?a=b"}),
        ({"Path": "/new", "Query": ""}, {"path_redirect": "/new", "strip_query": True}),
        (
            {"Path": "/new/#{path}"},
            {"regex_rewrite": {"pattern": {"regex": "^/(.*)$"}, "substitution": r"/new/\1"}},
        ),
    ],
)  # fmt: skip
def test_redirect(config: dict[str, str], expected: dict[str, Any]) -> None:
    found = routes_of(description([rule("default", redirect(**config))]))[0]["redirect"]
    assert expected.items() <= found.items()
    assert found["response_code"] == "MOVED_PERMANENTLY"


UNSUPPORTED = [
    (rule(1, fixed(200), {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}), "Conditions.source-ip"),
    (rule(1, fixed(200), {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/a"]}}), "RegexValues"),
    (rule(1, {"Type": "authenticate-oidc", "AuthenticateOidcConfig": {}}), "Actions.authenticate-oidc"),
    (rule(1, redirect(Host="www.#{host}")), "RedirectConfig.Host"),
    (rule(1, redirect(Path="/#{host}/#{path}")), "RedirectConfig.Path"),
    (rule(1, redirect(Query="#{query}&a=b")), "RedirectConfig.Query"),
    (rule(1, fixed(200)) | {"Transforms": [{"Type": "url-rewrite"}]}, "Transforms"),
]


@pytest.mark.parametrize(
    ("unsupported", "name"), UNSUPPORTED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_unsupported_property_of_a_rule_is_named(unsupported: dict[str, Any], name: str) -> None:
    found = problems(description([unsupported, rule("default", fixed(404))]))
    assert any(unsupported["RuleArn"] in line and name in line for line in found)


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"Protocol": "TCP"}, "Protocol"),
        ({"ProtocolVersion": "GRPC"}, "ProtocolVersion"),
        ({"TargetType": "lambda"}, "TargetType"),
        ({"HealthCheckProtocol": "HTTPS"}, "HealthCheckProtocol"),
        ({"HealthCheckEnabled": False}, "HealthCheckEnabled"),
    ],
)
def test_unsupported_property_of_a_group_is_named(properties: dict[str, Any], name: str) -> None:
    assert name in clusters.problems(group("blue", **properties))
    assert clusters.problems(group("blue")) == []


def test_unsupported_attribute_is_named() -> None:
    attributes = {balancer()["LoadBalancerArn"]: {"access_logs.s3.enabled": "true", "waf.fail_open.enabled": "false"}}
    found = problems(description([rule("default", fixed(404))], attributes=attributes))
    assert [line.partition(": ")[2] for line in found] == ["the attribute access_logs.s3.enabled=true"]


@pytest.mark.parametrize(
    ("policy", "minimum", "is_named"),
    [
        ("ELBSecurityPolicy-2016-08", "TLSv1_2", False),
        ("ELBSecurityPolicy-TLS13-1-2-2021-06", "TLSv1_2", False),
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", "TLSv1_3", False),
        ("ELBSecurityPolicy-TLS13-1-0-2021-06", "TLSv1_2", True),
        ("ELBSecurityPolicy-TLS-1-1-2017-01", "TLSv1_2", True),
    ],
)
def test_ssl_policy_sets_the_lowest_version(policy: str, minimum: str, is_named: bool) -> None:
    """Versions before TLS 1.2, which some policies allow, are refused, and the policy is named."""
    described = replace(description([rule("default", fixed(404))]), listeners=[HTTPS | {"SslPolicy": policy}])
    context = files(described)[LISTENERS][0]["filter_chains"][0]["transport_socket"]["typed_config"]
    assert context["common_tls_context"]["tls_params"] == {"tls_minimum_protocol_version": minimum}
    assert [policy in line for line in problems(described)] == [True] * is_named


def test_rule_with_an_unsupported_property_responds_503() -> None:
    """It does not forward, since its conditions would match other requests than ELBv2's."""
    source = {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}
    found = routes_of(description([rule("default", forward((BLUE, 1)), source)]))
    assert found[0]["direct_response"]["status"] == 503


def test_health_check_follows_the_target_group() -> None:
    checked = group(
        "blue",
        HealthCheckIntervalSeconds=7,
        HealthCheckTimeoutSeconds=3,
        HealthyThresholdCount=4,
        UnhealthyThresholdCount=6,
        HealthCheckPort="9000",
        Matcher={"HttpCode": "200-204,301"},
    )
    arn = checked["TargetGroupArn"]
    described = Description(
        targets={arn: [Target("127.77.0.1", 80)]},
        draining={arn: [Target("127.77.0.2", 80)]},
        attributes={arn: {"load_balancing.algorithm.type": "least_outstanding_requests"}},
    )
    made = clusters.cluster(described, checked, "/run")
    check = made["health_checks"][0]
    assert (check["interval"], check["timeout"]) == ("7s", "3s")
    assert (check["healthy_threshold"], check["unhealthy_threshold"]) == (4, 6)
    assert check["http_health_check"]["expected_statuses"] == [{"start": 200, "end": 205}, {"start": 301, "end": 302}]
    assert made["lb_policy"] == "LEAST_REQUEST"
    stays, leaves = clusters.endpoints(described, checked)["endpoints"][0]["lb_endpoints"]
    assert (stays["health_status"], leaves["health_status"]) == ("HEALTHY", "DRAINING")
    assert stays["endpoint"]["health_check_config"] == {"hostname": "127.77.0.1:9000", "port_value": 9000}


def test_listener_without_an_address_or_certificate_is_left_out() -> None:
    described = description([rule("default", fixed(404))])
    made = configuration(described, {HTTPS["ListenerArn"]: ADDRESSES[HTTPS["ListenerArn"]]}, {}, DIRECTORY)
    assert made[LISTENERS] == []


def test_listener_of_a_deleted_load_balancer_is_left_out() -> None:
    described = replace(description([rule("default", forward((BLUE, 1)))]), load_balancers=[])
    assert files(described) == {CLUSTERS: [], LISTENERS: []}


def test_privileged_port_has_a_substitute() -> None:
    """Port 80 becomes 8080 where this user may not listen on it; a listener's own 8080 keeps its port."""
    found = Addresses("127.78.0", lambda _host, port: port >= 1024, lambda _host, _port: False)
    described = replace(description([]), listeners=[listener(80), listener(443), listener(8080)])
    ports = {one["Port"]: found.assign(described)[one["ListenerArn"]].port for one in described.listeners}
    assert sorted(ports.items()) == [(80, 8080), (443, 8443), (8080, 8081)]
    assert found.assign(described) == found.assign(described)


def test_load_balancers_have_different_addresses() -> None:
    taken = {("127.78.0.2", 80)}
    found = Addresses("127.78.0", is_taken=lambda *address: address in taken)
    assert [found.host(name) for name in ("a", "b", "a")] == ["127.78.0.1", "127.78.0.3", "127.78.0.1"]
    full = Addresses("127.78.0", is_taken=lambda *_: True)
    with pytest.raises(NoAddressError, match=r"127\.78\.0\.0/24"):
        full.host("a")


def test_address_is_kept_until_its_load_balancer_is_described() -> None:
    """A load balancer gets its address before the next description has it, and loses it once it is deleted."""
    found = Addresses("127.78.0", is_taken=lambda *_: False)
    arn = balancer()["LoadBalancerArn"]
    assert found.host(arn) == "127.78.0.1"
    found.assign(Description())
    assert (found.host(arn), found.host("other")) == ("127.78.0.1", "127.78.0.2")
    found.assign(Description(load_balancers=[balancer()]))
    found.assign(Description())
    assert (found.host("new"), found.host("other")) == ("127.78.0.1", "127.78.0.2")


def test_document_names_every_url() -> None:
    described = description([rule("default", fixed(404))])
    found = addresses.document(described, ADDRESSES, "/run/ca.pem")
    assert found["certificate_authority"] == "/run/ca.pem"
    urls = [one["url"] for one in found["load_balancers"][0]["listeners"]]
    assert urls == ["http://127.78.0.1:8080/", "https://127.78.0.1:8443/"]
    assert addresses.url(HTTP, Address("127.78.0.1", 80)) == "http://127.78.0.1/"


def test_target_drains_for_the_delay_of_its_group() -> None:
    arn = BLUE["TargetGroupArn"]
    attributes = {arn: {"deregistration_delay.timeout_seconds": "5"}}
    rules = [rule("default", forward((BLUE, 1)))]
    both, one = [Target("127.77.0.1", 80), Target("127.77.0.2", 80)], [Target("127.77.0.1", 80)]
    draining = health.Draining()
    assert draining.update(description(rules, targets={arn: both}, attributes=attributes), 0) == {}
    less = description(rules, targets={arn: one}, attributes=attributes)
    assert draining.update(less, 1) == {arn: [both[1]]}
    assert draining.update(less, 5.9) == {arn: [both[1]]}
    assert draining.update(less, 6) == {}
    draining.update(description(rules, targets={arn: []}, attributes=attributes), 7)
    assert draining.update(less, 8) == {}, "a target that is registered again does not drain"
    assert draining.update(Description(), 9) == {}


def test_health_in_the_words_of_elbv2() -> None:
    arn, name = BLUE["TargetGroupArn"], resource_name(BLUE["TargetGroupArn"])
    targets = [Target("127.77.0.1", port) for port in range(1, 8)]
    described = description(
        [rule("default", forward((BLUE, 1)))],
        targets={arn: targets[:6], GREEN["TargetGroupArn"]: targets[:1]},
        draining={arn: [targets[6]]},
    )
    flags: list[dict[str, Any]] = [
        {"eds_health_status": "HEALTHY"},
        {"pending_active_hc": True, "failed_active_health_check": True},
        *({"failed_active_health_check": True} for _each in range(2)),
    ]
    hosts = [
        {
            "address": {"socket_address": {"address": target.id, "port_value": target.port}},
            "health_status": flag,
            "stats": [{"name": "rq_active", "value": "3"}],
        }
        for target, flag in zip(targets, flags, strict=False)
    ]
    shown = {"cluster_statuses": [{"name": name, "host_statuses": hosts}]}
    events = [
        _event(name, targets[2], {"failure_type": "ACTIVE", "http_status_code": 500}),
        _event(name, targets[3], {"failure_type": "NETWORK_TIMEOUT"}),
        '{"unfinished',
    ]
    found = health.observed(described, {arn: {targets[5]}}, shown, health.failures(events))
    assert [found[arn][target].reason for target in targets] == [
        "",
        "Elb.InitialHealthChecking",
        "Target.ResponseCodeMismatch",
        "Target.Timeout",
        "Elb.RegistrationInProgress",
        "Elb.InitialHealthChecking",
        "Target.DeregistrationInProgress",
    ]
    assert found[arn][targets[2]].description == "Health checks failed with these codes: [500]"
    assert found[GREEN["TargetGroupArn"]][targets[0]].reason == "Target.NotInUse"
    assert health.busy(shown)[name, targets[0]] == 3
    silent = health.observed(described, {}, None, {})
    assert silent[arn][targets[0]].reason == "Elb.InternalError"


def _event(name: str, target: Target, failure: dict[str, Any]) -> str:
    address = {"address": target.id, "port_value": target.port}
    return json.dumps(
        {"cluster_name": name, "host": {"socket_address": address}, "health_check_failure_event": failure}
    )


def test_routes_retry_only_what_has_not_reached_a_target() -> None:
    found = routes_of(description([rule("default", forward((BLUE, 1)))]))[0]["route"]
    assert found["retry_policy"]["retry_on"] == routes.RETRIES["retry_on"]
    assert "5xx" not in str(found["retry_policy"])
