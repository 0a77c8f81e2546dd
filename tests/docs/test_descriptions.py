# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole descriptions on a page are read and rendered, and the pages name the data that a teardown keeps."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.filter.system_template import system_template
from ansible_collections.gantry.ecs.plugins.module_utils.environment.catalogue import KINDS
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from fences import DESCRIPTION_START, DOCUMENTS, ROOT, Fence, fences

SYSTEMS = ROOT / "docs" / "systems.md"
COPILOT = ROOT / "docs" / "copilot.md"
SHOWN = [fence for path in DOCUMENTS for fence in fences(path, "yaml") if fence.text.startswith(DESCRIPTION_START)]
# The end of a section on a page.
NEXT_SECTION = "\n## "


def lines_of_problems(text: str) -> list[str]:
    """Return what is wrong with a description, as a command says it."""
    return [problem.line() for problem in read(text, "systems/shop/system.yml").problems]


def templates(text: str) -> dict[str, Any]:
    """Return the templates that a description renders to, by component."""
    document = read(text, "systems/shop/system.yml").description
    rendered = [name for name, each in parse(document).components.items() if each.rendered]
    return {name: yaml.safe_load(system_template(document, name)) for name in rendered}


def example() -> Fence:
    """Return the description beside the manifests of AWS Copilot."""
    return next(fence for fence in SHOWN if fence.location.startswith(COPILOT.name) and "worker:" in fence.text)


def properties(template: Any, type_: str) -> list[dict[str, Any]]:
    """Return the properties of a template's resources of one type."""
    return [each["Properties"] for each in template["Resources"].values() if each["Type"] == type_]


@pytest.mark.parametrize("fence", SHOWN, ids=lambda fence: fence.location)
def test_a_description_on_a_page_is_valid(fence: Fence) -> None:
    assert lines_of_problems(fence.text) == []
    assert templates(fence.text)


def test_a_word_of_copilot_in_the_example_is_refused() -> None:
    text = example().text.replace("scaling: {min: 2", "count: {min: 2")
    assert any("count" in line and "->" in line for line in lines_of_problems(text))


def test_the_example_does_what_the_page_says() -> None:
    """Web behind HTTPS calls the API, which sends orders; a queue from 0 to 5 workers receives them."""
    found = templates(example().text)
    assert {name for name in found if name.startswith("service-")} == {"service-web", "service-api", "service-worker"}
    for name in ("service-api", "service-worker"):
        (task,) = properties(found[name], "AWS::ECS::TaskDefinition")
        names = {each["Name"] for each in task["ContainerDefinitions"][0]["Environment"]}
        assert "ORDERS_QUEUE_URL" in names
    permitted = {
        name: {
            action
            for role in properties(found[name], "AWS::IAM::Role")
            for policy in role["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            for action in statement["Action"]
            if action.startswith("sqs:")
        }
        for name in ("service-api", "service-worker")
    }
    assert "sqs:SendMessage" in permitted["service-api"] - permitted["service-worker"]
    assert "sqs:ReceiveMessage" in permitted["service-worker"] - permitted["service-api"]
    (target,) = properties(found["service-worker"], "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 5)
    (api,) = properties(found["service-api"], "AWS::ECS::Service")
    (alias,) = api["ServiceConnectConfiguration"]["Services"][0]["ClientAliases"]
    assert alias["Port"] == 80
    assert f'"http://{alias["DnsName"]}"' in example().text


def test_the_page_names_each_kind_of_data() -> None:
    """The table of docs/systems.md has one row for each kind that a teardown deletes only by name."""
    section = SYSTEMS.read_text(encoding="utf-8").partition("\n## Data\n")[2].partition(NEXT_SECTION)[0]
    named = re.findall(r"^\| an? ([\w ]+?) \| ", section, re.MULTILINE)
    assert sorted(named) == sorted(kind.label for kind in KINDS if kind.holds_data)
