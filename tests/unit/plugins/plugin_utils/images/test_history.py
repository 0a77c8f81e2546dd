# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.filter.rollback_image import rollback_image
from ansible_collections.gantry.ecs.plugins.plugin_utils.images.history import (
    ImageChoiceError,
    choose_image,
    image_by_digest,
    image_history,
)
from hypothesis import given
from hypothesis import strategies as st

REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop"


def image(day: int, *tags: str) -> dict[str, Any]:
    pushed = datetime(2026, 1, day, tzinfo=UTC).isoformat()
    return {"image_digest": f"sha256:{day:064}", "image_tags": list(tags), "image_pushed_at": pushed}


IMAGES = [image(2, "two"), image(3, "three"), image(1, "one"), image(4)]


def test_images_are_newest_first_and_the_deployed_one_is_marked() -> None:
    lines = rollback_image(IMAGES, f"{REPOSITORY}:two")["lines"]
    assert lines == [
        f"three  sha256:{3:064}  pushed 2026-01-03 00:00:00 UTC",
        f"two  sha256:{2:064}  pushed 2026-01-02 00:00:00 UTC  <- deployed",
        f"one  sha256:{1:064}  pushed 2026-01-01 00:00:00 UTC",
    ]


@pytest.mark.parametrize(
    ("deployed", "wanted", "chosen"),
    [
        (f"{REPOSITORY}:three", "", "two"),
        (f"{REPOSITORY}:two", "", "one"),
        (f"{REPOSITORY}:one", "three", "three"),
        (f"{REPOSITORY}@sha256:{3:064}", "", "two"),
        (f"{REPOSITORY}:three", f"sha256:{1:064}", "one"),
        ("", "one", "one"),
    ],
)
def test_previous_or_named_image_is_chosen(deployed: str, wanted: str, chosen: str) -> None:
    """The image before the deployed one is chosen, or the one that is named."""
    assert rollback_image(IMAGES, deployed, wanted) == rollback_image(IMAGES, deployed, wanted) | {
        "tag": chosen,
        "problem": "",
    }


@pytest.mark.parametrize(
    ("images", "deployed", "wanted", "problem"),
    [
        (
            IMAGES,
            f"{REPOSITORY}:one",
            "",
            "there is no image older than one -> name another with -e image_tag=, of three, two",
        ),
        (IMAGES[:1], f"{REPOSITORY}:two", "", "there is no image older than two -> deploy another image first"),
        (IMAGES, "", "nine", "there is no image nine -> name another with -e image_tag=, of three, two, one"),
        ([], f"{REPOSITORY}:two", "", "the deployed image is not in the repository, so there is none before it"),
    ],
)
def test_without_an_older_image_the_others_are_named(
    images: list[dict[str, Any]], deployed: str, wanted: str, problem: str
) -> None:
    choice = rollback_image(images, deployed, wanted)
    assert choice["tag"] == ""
    assert choice["problem"].startswith(problem)


def test_a_tag_that_ends_another_one_is_not_confused() -> None:
    history = image_history([image(1, "1-a"), image(2, "a")], f"{REPOSITORY}:1-a")
    assert [entry["is_deployed"] for entry in history] == [False, True]


@given(st.permutations(range(1, 20)), st.integers(1, 19), st.integers(-12, 12))
def test_the_choice_is_always_the_next_older_one(order: list[int], deployed: int, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    images = [image(day, f"t{day}") for day in order]
    for one in images:
        one["image_pushed_at"] = datetime.fromisoformat(one["image_pushed_at"]).astimezone(zone).isoformat()
    history = image_history(images, f"{REPOSITORY}:t{deployed}")
    if deployed == 1:
        with pytest.raises(ImageChoiceError):
            choose_image(history)
    else:
        assert choose_image(history)["tag"] == f"t{deployed - 1}"


@pytest.mark.parametrize(
    "host", ["", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/", "127.0.0.1:4566/", "mirror:5000/team/"]
)
@pytest.mark.parametrize("name", ["shop", "shop:1.0-a", f"shop@sha256:{7:064}"])
def test_another_image_is_named_in_the_same_repository(host: str, name: str) -> None:
    digest = f"sha256:{1:064}"
    assert image_by_digest(host + name, digest) == f"{host}shop@{digest}"


def test_the_choice_is_named_by_its_digest() -> None:
    choice = rollback_image(IMAGES, f"{REPOSITORY}:three", "one")
    assert choice["image"] == f"{REPOSITORY}@{choice['digest']}"
    assert choice["digest"] == f"sha256:{1:064}"
