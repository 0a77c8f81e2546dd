# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's `entryPoint`, which MiniStack keeps and does not use.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import ecs


def install() -> None:
    """Have MiniStack's tasks start a container with its entry point, to which the command is the arguments."""
    run_container = ecs._run_docker_container

    def run_with_entry_point(
        client: Any, container: Mapping[str, Any], settings: Mapping[str, Any], *rest: Any, **more: Any
    ) -> Any:
        entry = container.get("entryPoint")
        given = {**settings, "entrypoint": list(entry)} if entry else settings
        return run_container(client, container, given, *rest, **more)

    ecs._run_docker_container = run_with_entry_point
