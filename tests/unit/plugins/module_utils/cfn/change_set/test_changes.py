# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.change_set.changes import (
    changes_of,
    diff_lines,
    has_nothing_to_change,
    is_executable,
    summary,
)
from hypothesis import given
from hypothesis import strategies as st


def detail(name: str, recreates: str = "Never", **more: Any) -> dict[str, Any]:
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreates}
    return {"Target": target | more.pop("target", {}), "Evaluation": "Static", **more}


def change(action: str, name: str, **more: Any) -> dict[str, Any]:
    resource = {"Action": action, "LogicalResourceId": name, "ResourceType": "AWS::DynamoDB::Table"}
    return {"Type": "Resource", "ResourceChange": resource | more}


REPLACED = change(
    "Modify",
    "Table",
    PhysicalResourceId="shop",
    Replacement="True",
    PolicyAction="ReplaceAndRetain",
    Details=[
        detail(
            "TableName",
            "Always",
            ChangeSource="ParameterReference",
            CausingEntity="Name",
            target={"Path": "/Properties/TableName", "BeforeValue": "shop", "AfterValue": "store"},
        ),
        # CloudFormation repeats a property for each of its causes, also before its value is known.
        detail(
            "TableName", "Conditionally", ChangeSource="DirectModification", target={"Path": "/Properties/TableName"}
        ),
    ],
)


def test_replacements_are_marked() -> None:
    changes = changes_of([REPLACED, change("Add", "Topic"), change("Remove", "Alarm", PolicyAction="Delete")])
    assert diff_lines(changes) == [
        "  -/+ Table (AWS::DynamoDB::Table) REPLACE: the old one is kept",
        "      Properties.TableName: shop -> store (by parameter Name; replaces it)",
        "  + Topic (AWS::DynamoDB::Table) add",
        "  - Alarm (AWS::DynamoDB::Table) REMOVE: it is deleted",
    ]
    assert summary(changes) == "1 to add, 1 to modify, 1 of them REPLACED (Table), 1 to remove (Alarm)"
    assert summary(changes, is_done=True).startswith("1 added, 1 modified")


def test_each_property_is_listed_once_with_its_worst_effect() -> None:
    (one,) = changes_of([REPLACED])
    assert one["details"] == [
        {
            "name": "Properties.TableName",
            "before": "shop",
            "after": "store",
            "recreates": "Always",
            "causes": ["parameter Name"],
        }
    ]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"Replacement": "Conditional"}, "~ T (AWS::DynamoDB::Table) modify, perhaps REPLACE: the old one is deleted"),
        ({"Replacement": "True", "PolicyAction": "ReplaceAndSnapshot"}, "a snapshot of the old one is kept"),
        ({"Replacement": "False"}, "~ T (AWS::DynamoDB::Table) modify"),
        ({"Action": "Remove", "PolicyAction": "Retain"}, "- T (AWS::DynamoDB::Table) REMOVE: the old one is kept"),
        ({"Action": "Import"}, "+ T (AWS::DynamoDB::Table) import"),
        ({"Action": "Dynamic"}, "? T (AWS::DynamoDB::Table) dynamic"),
    ],
)
def test_fate_of_the_old_resource_is_shown(more: dict[str, Any], expected: str) -> None:
    (line,) = diff_lines(changes_of([change("Modify", "T", **more)]))
    assert line.strip().startswith(expected) if expected[0] in "~-+?" else expected in line


def test_an_empty_change_set_is_no_failure() -> None:
    nothing = {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes. Submit different"}
    assert has_nothing_to_change(nothing)
    assert has_nothing_to_change({"Status": "FAILED", "StatusReason": "No updates are to be performed."})
    assert not has_nothing_to_change({"Status": "FAILED", "StatusReason": "Transform failed"})
    assert not has_nothing_to_change({"Status": "CREATE_COMPLETE"})
    assert not is_executable({"Status": "CREATE_COMPLETE", "ExecutionStatus": "UNAVAILABLE"})


def test_outputs_alone_are_a_change_too() -> None:
    assert summary([]) == "no resource, only outputs, metadata or tags"


ANYTHING = st.none() | st.text() | st.sampled_from(["True", "Always", "Properties", "/Properties/A", "Add", "Remove"])


@given(
    st.lists(
        st.fixed_dictionaries(
            {"ResourceChange": st.dictionaries(st.sampled_from(["Action", "Replacement", "PolicyAction"]), ANYTHING)}
        )
    ),
    st.lists(st.dictionaries(st.sampled_from(["Attribute", "Path", "BeforeValue", "AfterValue"]), ANYTHING)),
)
def test_every_change_is_counted_and_each_property_shown_once(changes: list[Any], targets: list[Any]) -> None:
    for one in changes:
        one["ResourceChange"]["Details"] = [{"Target": target} for target in targets]
    records = changes_of(changes)
    assert len(records) == len(changes) and summary(records)
    assert len(diff_lines(records)) == sum(1 + len({each["name"] for each in one["details"]}) for one in records)
