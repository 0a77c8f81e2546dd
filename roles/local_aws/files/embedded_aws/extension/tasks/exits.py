# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a task's containers: the engine reports it, where MiniStack asks twenty times a second for each task.

https://docs.docker.com/reference/api/engine/version/v1.43/#tag/Container/operation/ContainerWait
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from typing import Any

import docker.errors
import requests
from ministack.services import ecs


def essential_ids(task: Mapping[str, Any]) -> list[str]:
    """Return the engine's ids of the containers whose end is the end of a task."""
    essentials = list(task.get("_container_essentials") or [])
    return [
        container_id
        for index, container_id in enumerate(task.get("_docker_ids") or [])
        if container_id and (index >= len(essentials) or essentials[index])
    ]


def install() -> None:
    """Have the thread that watches a task sleep until an essential container ends."""
    mark: Any = ecs._maybe_mark_stopped

    def mark_after_an_end(task: dict[str, Any], client: Any = None) -> None:
        # Only the watching thread gives its client; the others are requests, which do not wait.
        if client is not None:
            _wait(client, essential_ids(task))
        mark(task, client)

    ecs._maybe_mark_stopped = mark_after_an_end


def _wait(client: Any, container_ids: list[str]) -> None:
    """Return once one of the containers has ended, or the engine does not respond."""
    ended = threading.Event()

    def wait(container_id: str) -> None:
        # MiniStack looks again after a failure of the engine, and takes none for an end.
        with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
            client.api.wait(container_id)
        ended.set()

    for container_id in container_ids:
        threading.Thread(
            target=wait, args=(container_id,), name=f"embedded-aws-wait-{container_id[:8]}", daemon=True
        ).start()
    if container_ids:
        ended.wait()
