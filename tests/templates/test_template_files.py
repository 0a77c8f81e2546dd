# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates as text: their size, their parameters, and that they contain no account or region."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from template_parser import COMPONENTS, load, template_path

each_component = pytest.mark.parametrize("component", COMPONENTS)
INTRINSICS = re.compile(r"\$\{([^}!]+)\}")


@each_component
def test_no_account_region_zone_or_partition_is_written_out(component: str) -> None:
    text = re.sub(r"ConstraintDescription:.*|#.*", "", template_path(component).read_text())
    assert not re.search(r"(?<![\w-])\d{12}(?![\w-])", text)
    assert not re.search(r"\b(us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov)-(east|west|north|south|central)[a-z]*-\d", text)
    assert not re.search(r"arn:aws[a-z-]*:", text)


@each_component
def test_it_fits_into_a_request(component: str) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html: 51,200 bytes.
    assert len(template_path(component).read_bytes()) < 48_000


@each_component
def test_parameters_are_described_constrained_and_in_one_group(component: str) -> None:
    template = load(component)
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"} & set(parameter), name
        # CloudFormation shows this text for a value that does not match the pattern.
        assert "AllowedPattern" not in parameter or parameter["ConstraintDescription"], name


@each_component
def test_every_parameter_and_condition_is_used(component: str) -> None:
    template = load(component)
    used = set(names(template))
    assert set(template["Parameters"]) - {"Project", "Environment"} <= used
    assert set(template.get("Conditions", {})) <= used


@each_component
def test_conditions_are_named_as_questions(component: str) -> None:
    assert all(name.startswith(("Has", "Is")) for name in load(component).get("Conditions", {}))


@each_component
def test_nothing_is_exported_and_every_output_is_described(component: str) -> None:
    for name, output in load(component)["Outputs"].items():
        assert "Export" not in output, name
        assert output["Description"], name


@each_component
def test_every_suppressed_check_says_why(component: str) -> None:
    for name, resource in load(component)["Resources"].items():
        for skipped in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(skipped["comment"].split()) >= 5, (name, skipped)


def names(node: Any) -> Iterator[str]:
    """Yield the names that a template refers to: parameters, conditions, resources."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("Ref", "Condition") and isinstance(value, str):
                yield value
            elif key == "Fn::If":
                yield value[0]
            elif key == "Fn::Sub":
                yield from INTRINSICS.findall(value if isinstance(value, str) else value[0])
            yield from names(value)
    elif isinstance(node, list):
        for one in node:
            yield from names(one)
