# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.plugin_utils.images.build import foreign_platform, image_build, image_tag


def test_a_tag_is_version_and_digest() -> None:
    assert image_tag("0.1.0", "a" * 64, ["linux/amd64"], "") == "0.1.0-f5fa896bde43f90f"


@pytest.mark.parametrize(
    "other",
    [
        ("0.1.1", "a", ["linux/amd64"], ""),
        ("0.1.0", "b", ["linux/amd64"], ""),
        ("0.1.0", "a", ["linux/arm64"], ""),
        ("0.1.0", "a", ["linux/amd64", "linux/arm64"], ""),
        ("0.1.0", "a", ["linux/amd64"], "python:3.13"),
    ],
)
def test_another_build_input_makes_another_tag(other: tuple[str, str, list[str], str]) -> None:
    assert image_tag(*other) != image_tag("0.1.0", "a", ["linux/amd64"], "")


def test_labels_name_what_is_known() -> None:
    assert image_build("host/app", "1", "abc")["labels"] == {
        "org.opencontainers.image.version": "1",
        "io.ddbload.content.sha256": "abc",
    }
    assert image_build("host/app", "1", "abc", base_image="base:2", revision="f00")["labels"] == {
        "org.opencontainers.image.version": "1",
        "io.ddbload.content.sha256": "abc",
        "org.opencontainers.image.base.name": "base:2",
        "org.opencontainers.image.revision": "f00",
    }


def test_arguments_are_those_that_are_set() -> None:
    assert image_build("host/app", "1", "abc")["arguments"] == {}
    given = image_build("host/app", "1", "abc", base_image="base:2", index_url="https://pypi.example")
    assert given["arguments"] == {"BASE_IMAGE": "base:2", "PIP_INDEX_URL": "https://pypi.example"}


def test_buildx_pushes_unless_it_only_compares() -> None:
    assert image_build("host/app", "1", "abc")["outputs"] == [{"type": "image", "name": ["host/app:1"], "push": True}]
    assert image_build("host/app", "1", "abc", pushes=False)["outputs"] == [{"type": "docker"}]


@pytest.mark.parametrize(
    ("platform", "machine", "named"),
    [
        ("linux/amd64", "x86_64", ""),
        ("linux/arm64", "aarch64", ""),
        ("linux/arm64", "x86_64", "linux/arm64"),
        ("linux/amd64", "riscv64", "linux/amd64"),
    ],
)
def test_the_engine_s_own_platform_is_not_named(platform: str, machine: str, named: str) -> None:
    assert foreign_platform(platform, machine) == named
