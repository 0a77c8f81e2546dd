# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of --diff: which task definition would run instead of which, without a value of a variable."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.difference import ANOTHER_VALUE, definition_texts
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.ecs.service.fake_service import definition_arn
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.dictionaries(st.sampled_from(["LEVEL", "MODE", "URL"]), st.sampled_from(["value-1", "value-2"]))


def definition(number: int, values: dict[str, str], **container: Any) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in values.items()]
    made = {"name": "web", "image": "shop/web:1", "environment": variables, **container}
    return {"taskDefinitionArn": definition_arn(number), "cpu": "256", "containerDefinitions": [made]}


@given(before=VALUES, after=VALUES)
def test_names_are_shown_and_values_are_not(before: dict[str, str], after: dict[str, str]) -> None:
    """A variable of both whose value differs is marked, and no other is."""
    texts = definition_texts(definition(7, before), definition(8, after))
    assert "value-" not in "".join(texts)
    marked = {line.split()[3] for line in texts[1].splitlines() if line.endswith(ANOTHER_VALUE)}
    assert marked == {name for name in before.keys() & after.keys() if before[name] != after[name]}


def test_a_command_is_marked_and_not_shown() -> None:
    before, after = definition_texts(definition(7, {}, command=["a", "key"]), definition(8, {}, command=["b", "key"]))
    assert "key" not in before + after
    assert f"container web command{ANOTHER_VALUE}\n" in after


def test_a_service_without_a_definition_has_an_empty_text() -> None:
    before, after = definition_texts({}, definition(8, {}))
    assert before == "" and after.startswith("task definition web:8\n")
