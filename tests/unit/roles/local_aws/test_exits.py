# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the embedded AWS looks whether a task has ended."""

from __future__ import annotations

import threading
from typing import Any

import docker.errors
import pytest
from embedded_aws.extension.tasks import exits
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import ecs

SECONDS = 10.0


class Containers:
    """Containers that end when a test says so."""

    def __init__(self, *container_ids: str) -> None:
        self.api = self
        self._ends = {container_id: threading.Event() for container_id in container_ids}

    def wait(self, container_id: str) -> dict[str, int]:
        """Return once a container has ended, as docker's client does."""
        if container_id not in self._ends:
            raise docker.errors.NotFound(container_id)
        assert self._ends[container_id].wait(SECONDS)
        return {"StatusCode": 0}

    def end(self, container_id: str) -> None:
        """End a container."""
        self._ends[container_id].set()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that MiniStack has looked at."""
    seen: list[str] = []
    monkeypatch.setattr(ecs, "_maybe_mark_stopped", lambda task, _client=None: seen.append(task["taskArn"]))
    exits.install()
    return seen


def record(*container_ids: str, essentials: list[bool] | None = None) -> dict[str, Any]:
    """A task as MiniStack keeps it."""
    return {"taskArn": "task", "_docker_ids": list(container_ids), "_container_essentials": essentials or []}


def watching(task: dict[str, Any], client: Any) -> threading.Thread:
    """Start what watches a task."""
    thread = threading.Thread(target=ecs._maybe_mark_stopped, args=(task, client), daemon=True)
    thread.start()
    return thread


def test_a_look_comes_after_the_end_of_an_essential_container(looks: list[str]) -> None:
    client = Containers("side", "app")
    thread = watching(record("side", "app", essentials=[False, True]), client)
    client.end("side")
    thread.join(0.2)
    assert looks == []
    client.end("app")
    thread.join(SECONDS)
    assert looks == ["task"]


def test_the_first_of_two_essential_containers_is_enough(looks: list[str]) -> None:
    client = Containers("one", "two")
    thread = watching(record("one", "two"), client)
    client.end("two")
    thread.join(SECONDS)
    assert looks == ["task"]
    client.end("one")


def test_a_request_looks_at_once(looks: list[str]) -> None:
    ecs._maybe_mark_stopped(record("app"))
    assert looks == ["task"]


def test_an_engine_that_fails_is_asked_again_by_ministack(looks: list[str]) -> None:
    watching(record("gone"), Containers()).join(SECONDS)
    assert looks == ["task"]


@given(st.lists(st.tuples(st.text("ab", max_size=3), st.booleans()), max_size=5))
def test_only_essential_containers_with_an_id_are_watched(containers: list[tuple[str, bool]]) -> None:
    task = record(*(name for name, _is in containers), essentials=[is_essential for _name, is_essential in containers])
    assert exits.essential_ids(task) == [name for name, is_essential in containers if name and is_essential]
