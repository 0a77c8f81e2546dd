# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of an image, and whether it matches the build: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

# The labels that role build_push gives an image, and the annotations that it gives one of the process engine.
CONTENT = "io.ddbload.content.sha256"
TAG = "org.opencontainers.image.version"
# What decides how a container runs: https://github.com/opencontainers/image-spec/blob/main/config.md#properties and
# the three that Docker adds to it.
RUNS = (
    "ArgsEscaped",
    "Cmd",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "OnBuild",
    "Shell",
    "StopSignal",
    "User",
    "Volumes",
    "WorkingDir",
)


class ImageContent(NamedTuple):
    """One platform's image: its labels, the digests of its unpacked layers, and how a container of it runs."""

    platform: str
    labels: Mapping[str, str]
    layers: tuple[str, ...]
    runs: Mapping[str, Any]


def content_of_config(config: Mapping[str, Any], annotations: Mapping[str, str]) -> ImageContent:
    """Read an image's configuration.

    Args:
        config: the blob that a manifest names as its config; empty for an image of the process engine.
        annotations: the manifest's; they count as labels where the configuration lacks the label.
    """
    runs = config.get("config") or {}
    return ImageContent(
        platform=f"{config.get('os', '')}/{config.get('architecture', '')}",
        labels=dict(annotations) | dict(runs.get("Labels") or {}),
        layers=tuple((config.get("rootfs") or {}).get("diff_ids") or ()),
        runs=_set(runs),
    )


def content_of_inspection(inspected: Mapping[str, Any]) -> ImageContent:
    """Read what a container engine says of an image that it has built.

    Args:
        inspected: as ``docker image inspect`` prints it, which community.docker's modules return as ``image``.
    """
    runs = inspected.get("Config") or {}
    return ImageContent(
        platform=f"{inspected.get('Os', '')}/{inspected.get('Architecture', '')}",
        labels=dict(runs.get("Labels") or {}),
        layers=tuple((inspected.get("RootFS") or {}).get("Layers") or ()),
        runs=_set(runs),
    )


def label_problem(contents: Sequence[ImageContent], tags: Sequence[str], sha256: str | None) -> Problem | None:
    """Return what an image's labels contradict; None where they fit.

    A principal that may push an image may write its labels: this finds mistakes, not attacks.

    Args:
        contents: of each platform.
        tags: the image's tags; its label has to name one.
        sha256: digest of the source; None where it is not known any more.
    """
    if not contents:
        return Problem("label", "it is an index of no image")
    for content in contents:
        labelled = content.labels.get(CONTENT)
        if labelled is None:
            return Problem("label", f"it has no label {CONTENT}, which every image of this collection has")
        if sha256 is not None and labelled != sha256:
            return Problem("label", f"its label {CONTENT} is {labelled}, this source's is {sha256}")
        if content.labels.get(TAG) not in tags:
            return Problem(
                "label", f"its label {TAG} is {content.labels.get(TAG)}, its tag is {', '.join(tags) or 'none'}"
            )
    return None


def build_problem(contents: Sequence[ImageContent], built: Sequence[ImageContent]) -> Problem | None:
    """Return where an image differs from one that was built of the same source; None where it does not.

    The layers' digests are of the unpacked files, so that no compression counts; an engine unpacks nothing else, since
    it compares them. Labels do not count: the Git revision is one.

    Args:
        contents: of each platform, from the registry.
        built: of each platform, from the engine.
    """
    found, wanted = ({one.platform: one for one in each} for each in (contents, built))
    if found.keys() != wanted.keys() or len(found) != len(contents):
        platforms = ", ".join(one.platform for one in contents)
        return Problem("build", f"it is for {platforms or 'no platform'}, the build is for {', '.join(sorted(wanted))}")
    for platform, content in sorted(found.items()):
        other = wanted[platform]
        if not other.layers:
            return Problem("build", f"the build for {platform} has no layers")
        if content.layers != other.layers:
            same = sum(one == two for one, two in zip(content.layers, other.layers, strict=False))
            return Problem(
                "build",
                f"its layers for {platform} differ from the build's ({same} of {len(other.layers)} are the same)",
            )
        if differing := [name for name in RUNS if content.runs.get(name) != other.runs.get(name)]:
            return Problem("build", f"its {', '.join(differing)} for {platform} differ from the build's")
    return None


def _set(runs: Mapping[str, Any]) -> dict[str, Any]:
    """Drop unset values, which builders write differently."""
    return {name: runs[name] for name in RUNS if runs.get(name)}
