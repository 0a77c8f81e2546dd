# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image's content against the expected content: labels find mistakes, a build finds forgeries."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.images.content import (
    CONTENT,
    RUNS,
    TAG,
    build_problem,
    content_of_config,
    content_of_inspection,
    label_problem,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

SOURCE = "9d" * 32
LABELS = {CONTENT: SOURCE, TAG: "0.1.0-3f2a", "org.opencontainers.image.revision": "abc"}
LAYERS = ["sha256:" + one * 64 for one in "123"]
RUN = {"Entrypoint": ["/app/bin/ddbload"], "Env": ["PATH=/app/bin"], "User": "65532:65532"}


def config(**changes: Any) -> dict[str, Any]:
    """Return an image's configuration as a registry has it."""
    runs = RUN | {"Labels": LABELS} | changes.pop("config", {})
    return {
        "os": "linux",
        "architecture": "amd64",
        "config": runs,
        "rootfs": {"type": "layers", "diff_ids": LAYERS},
    } | changes


def inspection(**changes: Any) -> dict[str, Any]:
    """Return an engine's inspection of an image that it built; unset fields are written out."""
    runs = RUN | {"Labels": LABELS | {"org.opencontainers.image.revision": "def"}, "Cmd": None, "Volumes": {}}
    return {"Os": "linux", "Architecture": "amd64", "Config": runs, "RootFS": {"Layers": LAYERS}} | changes


def what_of(problem: Problem | None) -> str:
    return problem.what if problem else ""


def compared(found: dict[str, Any], *built: dict[str, Any]) -> str:
    return what_of(build_problem([content_of_config(found, {})], [content_of_inspection(one) for one in built]))


def test_an_image_with_the_source_s_labels_fits() -> None:
    assert what_of(label_problem([content_of_config(config(), {})], ["0.1.0-3f2a"], SOURCE)) == ""
    assert what_of(label_problem([content_of_config({}, LABELS)], ["0.1.0-3f2a"], SOURCE)) == ""


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({}, "it has no label io.ddbload.content.sha256"),
        (LABELS | {CONTENT: "e1"}, f"its label io.ddbload.content.sha256 is e1, this source's is {SOURCE}"),
        (
            LABELS | {TAG: "0.1.0-beef"},
            "its label org.opencontainers.image.version is 0.1.0-beef, its tag is 0.1.0-3f2a",
        ),
    ],
)
def test_labels_that_do_not_match_are_reported(labels: dict[str, str], said: str) -> None:
    contents = [content_of_config(config(config={"Labels": labels}), {})]
    assert what_of(label_problem(contents, ["0.1.0-3f2a"], SOURCE)).startswith(said)


def test_the_source_of_an_older_image_is_unknown() -> None:
    assert what_of(label_problem([content_of_config(config(), {})], ["0.1.0-3f2a"], None)) == ""
    assert "its tag is stranger" in what_of(label_problem([content_of_config(config(), {})], ["stranger"], None))


def test_an_empty_index_is_no_image() -> None:
    assert what_of(label_problem([], ["0.1.0-3f2a"], SOURCE)) == "it is an index of no image"


def test_two_builds_of_one_source_are_the_same_image() -> None:
    assert compared(config(), inspection()) == ""


def test_a_build_finds_a_forged_label() -> None:
    forged = config(rootfs={"diff_ids": [LAYERS[0], LAYERS[1], "sha256:" + "e" * 64]})
    assert what_of(label_problem([content_of_config(forged, {})], ["0.1.0-3f2a"], SOURCE)) == ""
    assert compared(forged, inspection()) == "its layers for linux/amd64 differ from the build's (2 of 3 are the same)"


@pytest.mark.parametrize("layers", [LAYERS[:2], [*LAYERS, "sha256:" + "e" * 64], []])
def test_missing_or_additional_layers_differ(layers: list[str]) -> None:
    assert "differ from the build's" in compared(config(rootfs={"diff_ids": layers}), inspection())


@pytest.mark.parametrize("name", RUNS)
def test_other_start_up_settings_are_another_image(name: str) -> None:
    assert (
        compared(config(config={name: ["evil"]}), inspection()) == f"its {name} for linux/amd64 differ from the build's"
    )


def test_a_build_without_layers_proves_nothing() -> None:
    empty = config(rootfs={})
    assert compared(empty, inspection(RootFS={})) == "the build for linux/amd64 has no layers"


def test_platforms_have_to_be_the_same() -> None:
    other = inspection(Architecture="arm64")
    assert "it is for linux/amd64, the build is for linux/arm64" in compared(config(), other)
    assert "the build is for linux/amd64, linux/arm64" in compared(config(), inspection(), other)
    # Two images for one platform: it is unknown which of them runs.
    twice = [content_of_config(config(), {})] * 2
    assert what_of(build_problem(twice, [content_of_inspection(inspection())])).startswith(
        "it is for linux/amd64, linux/amd64"
    )
