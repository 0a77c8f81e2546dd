# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that a repository has kept, and which of them to go back to: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError


class ImageChoiceError(ProblemError):
    """There is no image to go back to."""


def image_history(images: Iterable[Mapping[str, Any]], deployed: str) -> list[dict[str, Any]]:
    """List the images that can be deployed, newest first.

    Args:
        images: of the repository, as ``ecr_image_info`` returns them; those without a tag are omitted.
        deployed: the image in use, ``repository:tag`` or ``repository@digest``; empty where none is.

    Returns:
        ``tag``, ``tags``, ``digest``, ``pushed_at`` (ISO 8601), ``is_deployed`` and ``line`` of each.
    """
    tagged = [image for image in images if image["image_tags"]]
    newest_first = sorted(tagged, key=lambda image: _moment(image["image_pushed_at"]), reverse=True)
    return [_entry(image, deployed) for image in newest_first]


def choose_image(history: Sequence[Mapping[str, Any]], wanted: str = "") -> Mapping[str, Any]:
    """Choose the image to go back to.

    Args:
        history: as `image_history` returns it.
        wanted: its tag or digest; empty for the one before the deployed one.

    Returns:
        Its entry of the history.

    Raises:
        ImageChoiceError: the repository does not hold it, or nothing older than what is deployed.
    """
    tags = [entry["tag"] for entry in history]
    if wanted:
        named = next((entry for entry in history if wanted == entry["digest"] or wanted in entry["tags"]), None)
        if named is None:
            raise ImageChoiceError(_none_problem(f"there is no image {wanted}", tags))
        return named
    index = next((index for index, entry in enumerate(history) if entry["is_deployed"]), None)
    if index is None:
        raise ImageChoiceError(
            _none_problem("the deployed image is not in the repository, so there is none before it", tags)
        )
    if index + 1 == len(history):
        raise ImageChoiceError(_none_problem(f"there is no image older than {tags[index]}", tags[:index]))
    return history[index + 1]


def image_by_digest(deployed: str, digest: str) -> str:
    """Name another image of the repository that an image is from.

    Args:
        deployed: ``repository:tag`` or ``repository@digest``; the repository's host may have a port.
        digest: the other one's.

    Returns:
        ``repository@digest``.
    """
    registry, slash, name = deployed.partition("@")[0].rpartition("/")
    return f"{registry}{slash}{name.partition(':')[0]}@{digest}"


def _none_problem(what: str, tags: Sequence[str]) -> Problem:
    remedy = f"name another with -e image_tag=, of {', '.join(tags)}" if tags else "deploy another image first"
    return Problem("image", what, remedy)


def _entry(image: Mapping[str, Any], deployed: str) -> dict[str, Any]:
    tags = list(image["image_tags"])
    _repository, _at, digest = deployed.partition("@")
    used = [tag for tag in tags if deployed.endswith(f":{tag}")]
    is_deployed = image["image_digest"] == digest if digest else bool(used)
    tag = used[0] if used else tags[0]
    pushed_at = image["image_pushed_at"] or ""
    shown = _moment(pushed_at).strftime("%Y-%m-%d %H:%M:%S UTC") if pushed_at else "time unknown"
    return {
        "tag": tag,
        "tags": tags,
        "digest": image["image_digest"],
        "pushed_at": pushed_at,
        "is_deployed": is_deployed,
        "line": f"{tag}  {image['image_digest']}  pushed {shown}" + ("  <- deployed" if is_deployed else ""),
    }


def _moment(text: str | None) -> datetime:
    if not text:
        return datetime.min.replace(tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
