# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that read a system's description and render its templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.gantry.ecs.plugins.filter import system_description, system_plan, system_template

SYSTEMS = Path(__file__).parents[5] / "systems"
FILE = SYSTEMS / "oneshot" / "system.yml"


def described(text: str | None = None, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what the filter makes of a text; that of system oneshot by default."""
    read = system_description.FilterModule().filters()["system_description"]
    return dict(read(FILE.read_text() if text is None else text, str(FILE), values))


def test_the_description_holds_all_defaults() -> None:
    made = described()
    assert made["problems"] == []
    assert made["description"]["jobs"]["prompt"]["success_exit_codes"] == [0]
    assert made["description"]["jobs"]["prompt"]["parameters"]["executor"]["required"] is False


def test_values_of_the_environment_replace_those_of_the_file() -> None:
    made = described(values={"services": {"ui": {"cpu": 1024}}})
    service, former = (one["description"]["services"]["ui"] for one in (made, described()))
    assert service == former | {"cpu": 1024}


def test_a_wrong_key_is_one_line_with_file_and_line() -> None:
    text = FILE.read_text().replace("    timeout: 3900", "    time_out: 3900")
    line = 1 + text.splitlines().index("    time_out: 3900")
    [problem] = described(text)["problems"]
    assert f"{FILE}:{line}: jobs.prompt.time_out is no key of this section -> " in problem


def test_a_wrong_value_of_the_environment_names_the_variable() -> None:
    [problem] = described(values={"services": {"ui": {"port": 1}}})["problems"]
    assert "system_values.oneshot" in problem
    assert "services.ui.port is no key of this section" in problem


def test_the_same_description_renders_the_same_template() -> None:
    render = system_template.FilterModule().filters()["system_template"]
    document = described()["description"]
    plan = system_plan.FilterModule().filters()["system_plan"](document)
    rendered = [name for name, each in plan["components"].items() if each["is_rendered"]]
    assert {"service-ui", "job-prompt"} <= set(rendered)
    for name in rendered:
        text = render(document, name)
        assert text == render(described()["description"], name)
        assert yaml.safe_load(text)["Resources"]
        assert "&id" not in text


def test_a_component_without_a_template_is_one_line() -> None:
    render = system_template.FilterModule().filters()["system_template"]
    with pytest.raises(AnsibleFilterError, match="component image of system oneshot has no rendered template"):
        render(described()["description"], "image")


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({}, 1),
        ({"services": {"ui": {"desired_count": 0}}}, 0),
        ({"services": {"ui": {"scaling": {"min": 1, "max": 2, "cpu": 50}}}}, None),
        ({"limits": {"night_off": "20:00-06:00"}}, None),
    ],
)
def test_the_plan_has_counts_that_no_scaling_owns(values: dict[str, Any], count: int | None) -> None:
    """A deploy gives a service its number of tasks back, unless Application Auto Scaling owns the number."""
    made = described(values=values)
    assert made["problems"] == []
    plan = system_plan.FilterModule().filters()["system_plan"](made["description"])
    service = {"component": "service-ui", "name": "ui", "cluster": "", "desired_count": count, "images": []}
    assert plan["services"] == [service]


def test_the_plan_names_images_that_no_component_gives() -> None:
    sidecars = {"proxy": {"image": "public.ecr.aws/envoy:1"}, "log": {"image": "image.ImageUri"}}
    made = described(values={"services": {"ui": {"image": "example.com/shop:2", "sidecars": sidecars}}})
    assert made["problems"] == []
    [service] = system_plan.FilterModule().filters()["system_plan"](made["description"])["services"]
    assert service["images"] == ["example.com/shop:2", "public.ecr.aws/envoy:1"]
