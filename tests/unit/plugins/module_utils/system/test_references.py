# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References in the values of a description become parameters; every other text stays what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import job_run
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.references import (
    malformed,
    outputs,
    substituted,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import Output
from hypothesis import given, settings
from hypothesis import strategies as st
from system_strategies import filled, small
from template_case import Case, case_of

URL = Output("load-balancer-main", "Url")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a $5 {name}", "a $5 {name}"),
        ("${load-balancer-main.Url}", URL),
        (
            "${load-balancer-main.Url}/x",
            {"Fn::Sub": ["${LoadBalancerMainUrl}/x", {"LoadBalancerMainUrl": URL}]},
        ),
        ("${AWS::Region}", {"Fn::Sub": "${AWS::Region}"}),
        ("x-${AWS::AccountId}-${!y}", {"Fn::Sub": "x-${AWS::AccountId}-${!y}"}),
        ("${!HOME}/bin", "${HOME}/bin"),
    ],
)
def test_a_text_becomes_a_value_of_a_template(text: str, expected: Any) -> None:
    assert substituted(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${HOME}", ["${HOME}"]),
        ("${load-balancer-main.url}", ["${load-balancer-main.url}"]),
        ("${AWS::Regoin}", ["${AWS::Regoin}"]),
        ("https://${load-balancer-main.Url", ["${load-balancer-main.Url"]),
        ("${prompt}", []),
        ("${!HOME} ${table.TableName} ${AWS::Region} $x", []),
        (5, []),
    ],
)
def test_what_is_no_reference_is_found(value: Any, expected: list[str]) -> None:
    assert malformed(value, ["prompt"]) == expected


def test_each_output_is_named_once() -> None:
    assert outputs("${table.TableName} ${table.TableArn} ${table.TableName} ${!table.TableName}") == [
        Output("table", "TableName"),
        Output("table", "TableArn"),
    ]


@settings(max_examples=200)
@given(st.text(alphabet="${!}abc.A:"))
def test_a_text_without_a_reference_stays(text: str) -> None:
    """Beside an output, Fn::Sub gives each plain text as it is, also one with the start of a reference."""
    if malformed(text) or outputs(text):
        return
    plain = text.replace("${!", "${")
    assert substituted(text) == plain
    joined = substituted("${AWS::Region}" + text)
    assert _evaluated(joined, {"AWS::Region": "here"}) == "here" + plain


def test_references_reach_every_container() -> None:
    """A service, its sidecar, a job and the workers of a queue have parameters for the outputs that they name."""
    url = {"environment": {"URL": "${load-balancer-main.DnsName}/x"}}
    sidecar = {"sidecars": {"proxy": {"image": "x:1", **url}}}
    case = case_of(filled(small(services={"web": {**url, **sidecar}}, jobs={"mail": url})))
    value = {
        "Fn::Sub": ["${LoadBalancerMainDnsName}/x", {"LoadBalancerMainDnsName": {"Ref": "LoadBalancerMainDnsName"}}]
    }
    for component in ("service-web", "job-mail", "service-mail-workers"):
        assert case.takes[component]["LoadBalancerMainDnsName"] == "load-balancer-main.DnsName"
        assert _variable(case, component, 0, "URL") == value
    assert _variable(case, "service-web", 1, "URL") == value


def test_a_list_is_a_text_with_commas() -> None:
    """The parameter with the subnets is a list, since the service has it, too."""
    case = case_of(filled(small(services={"web": {"environment": {"SUBNETS": "${network.PrivateSubnetIds}"}}})))
    assert case.templates["service-web"]["Parameters"]["NetworkPrivateSubnetIds"]["Type"] == "CommaDelimitedList"
    assert _variable(case, "service-web", 0, "SUBNETS") == {"Fn::Join": [",", {"Ref": "NetworkPrivateSubnetIds"}]}


def test_workers_get_the_text_of_an_escape() -> None:
    """The settings of a queue worker are JSON in one variable, through which Fn::Sub would look for references."""
    keys = {"environment": {"GREETING": "${!HOME} {to}"}, "parameters": {"to": {"pattern": "^${1}$"}}}
    description = filled(small(jobs={"mail": keys}))
    text = _variable(case_of(description), "service-mail-workers", 0, "QUEUE_WORKER")
    worker = json.loads(text)
    assert worker["environment"] == {"GREETING": "${HOME} {to}"}
    assert worker["parameters"]["to"]["pattern"] == "^${1}$"
    run = job_run("mail", description["jobs"]["mail"], {}, "run-1")
    assert run.environment == {"GREETING": "${HOME} all"}


def _variable(case: Case, component: str, container: int, name: str) -> Any:
    definition = case.properties(component, "TaskDefinition")["ContainerDefinitions"][container]
    return next(each["Value"] for each in definition["Environment"] if each["Name"] == name)


def _evaluated(value: dict[str, Any], pseudo: dict[str, str]) -> str:
    """Return what Fn::Sub gives, as CloudFormation documents it."""
    text, rest = "", value["Fn::Sub"]
    while rest:
        name, _brace, after = rest[2:].partition("}")
        if not rest.startswith("${") or not _brace:
            text, rest = text + rest[0], rest[1:]
        else:
            text, rest = text + ("${" + name[1:] + "}" if name.startswith("!") else pseudo[name]), after
    return text
