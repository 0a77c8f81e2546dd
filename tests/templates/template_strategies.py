# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws parameters of templates for hypothesis, from the constraints in the templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Network
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from template_parser import Rendered, load, refusal, render, walk

_KEY = "arn:aws:kms:eu-west-1:210987654321:key/5d2c0a6f-8f0e-4c53-9a3b-0b1f0c7e9d11"
# Strategies for parameters whose pattern alone draws unusual values, by the parameter's name.
KNOWN = {
    "TableArn": "arn:aws:dynamodb:eu-west-1:210987654321:table/ddbload-dev",
    "TableKeyArn": "arn:aws:kms:eu-west-1:210987654321:key/0c9c1c0e-6f2b-4a38-9d0b-7f5f0d6f6f10",
    "RepositoryArn": "arn:aws:ecr:eu-west-1:210987654321:repository/ddbload-dev",
    "TracingRepositoryArn": "arn:aws:ecr:eu-west-1:210987654321:repository/adot",
    "ExecLogGroupArn": "arn:aws:logs:eu-west-1:210987654321:log-group:/ddbload/dev/exec:*",
    "DynamoDbPrefixListId": "pl-02cd2c6b",
    "S3PrefixListId": "pl-63a5400a",
    "ExtraEndpoints": "ssm,ssmmessages,secretsmanager,kms,monitoring,xray,sts",
    "ImageUri": "210987654321.dkr.ecr.eu-west-1.amazonaws.com/ddbload-dev:0.1.0-3f2a",
    "PermissionsBoundaryArn": "arn:aws:iam::210987654321:policy/boundary",
    "SecretArn": "arn:aws:secretsmanager:eu-west-1:210987654321:secret:token-a1b2c3",
    "SecretParameterArn": "arn:aws:ssm:eu-west-1:210987654321:parameter/ddbload/dev/token",
} | dict.fromkeys(
    ["KmsKeyArn", "LogKeyArn", "ExecKeyArn", "ExecLogKeyArn", "SecretKeyArn", "TopicKeyArn", "FlowLogKmsKeyArn"], _KEY
)


def values(definition: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy of one parameter's values: any that its constraints allow, often a bound or the default."""
    number = definition["Type"] == "Number"
    if "AllowedValues" in definition:
        one: st.SearchStrategy[Any] = st.sampled_from(definition["AllowedValues"])
    elif number:
        least, most = int(definition.get("MinValue", 0)), int(definition.get("MaxValue", 1_000_000))
        one = st.sampled_from([least, most]) | st.integers(least, most)
    elif "AllowedPattern" in definition:
        # In CloudFormation, \d and \w of a pattern mean ASCII, and $ means the end of the text.
        pattern = re.compile(definition["AllowedPattern"], re.ASCII)
        one = st.from_regex(pattern, fullmatch=True, alphabet=st.characters(min_codepoint=33, max_codepoint=126))
        one = one.filter(lambda text: refusal(definition, text) is None)
    else:
        least, most = int(definition.get("MinLength", 0)), int(definition.get("MaxLength", 30))
        one = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=least, max_size=min(most, least + 30))
    if definition["Type"] == "CommaDelimitedList" or definition["Type"].startswith("List<"):
        one = st.lists(one.filter(lambda text: text and "," not in text), min_size=1, max_size=3, unique=True)
    return st.just(definition["Default"]) | one if "Default" in definition else one


def parameters(component: str, **fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of a component's parameters.

    Args:
        component: one of COMPONENTS.
        fixed: values, or strategies of values, of some parameters by name.
    """
    strategies = dict(_strategies(component))
    for name, value in fixed.items():
        strategies[name] = value if isinstance(value, st.SearchStrategy) else st.just(value)
    return st.fixed_dictionaries(strategies)


@cache
def _strategies(component: str) -> dict[str, st.SearchStrategy[Any]]:
    strategies: dict[str, st.SearchStrategy[Any]] = {}
    for name, definition in load(component)["Parameters"].items():
        if name == "VpcCidr":
            blocks = st.tuples(st.integers(0, 2**32 - 1), st.integers(16, 24))
            strategies[name] = blocks.map(lambda block: str(IPv4Network(block, strict=False)))
        elif name in KNOWN:
            strategies[name] = st.sampled_from(sorted({KNOWN[name], definition.get("Default", KNOWN[name])}))
        else:
            strategies[name] = values(definition)
    return strategies


def permitted(component: str, given: Mapping[str, Any]) -> Rendered:
    """Return the template rendered; parameters that its Rules refuse are reset to their defaults until the Rules pass.

    This discards no draw, unlike drawing until a combination passes. Parameters without a default stay.
    """
    template, left = load(component), dict(given)
    for _attempt in range(10):
        rendered = render(component, left)
        if not rendered.broken_rules:
            return rendered
        for name in rendered.broken_rules:
            for node in walk(template["Rules"][name]):
                if isinstance(node, dict) and "Ref" in node:
                    left.pop(node["Ref"], None)
    reject()
    raise AssertionError("reject() has raised")


def renderings(component: str, **fixed: Any) -> st.SearchStrategy[Rendered]:
    """Return a strategy of a component's template rendered with parameters that its Rules allow."""
    return parameters(component, **fixed).map(lambda given: permitted(component, given))
