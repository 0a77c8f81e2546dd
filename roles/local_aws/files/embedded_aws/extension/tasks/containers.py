# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers MiniStack may have a container engine make: none by which a task gets hold of the machine."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import docker.auth
from docker.api.container import ContainerApiMixin
from docker.errors import APIError

from embedded_aws.guard.keys import Keys

# Fargate knows none of these, except that it lets SYS_PTRACE be added:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
REFUSED = {
    "Privileged": "privileged",
    "CapAdd": "added capabilities",
    "Devices": "devices of this machine",
    "DeviceRequests": "devices of this machine",
    "DeviceCgroupRules": "devices of this machine",
    "SecurityOpt": "security options",
    "VolumesFrom": "another container's volumes",
}
NAMESPACES = ("PidMode", "IpcMode", "NetworkMode", "UTSMode", "UsernsMode", "CgroupnsMode")


def refused(host_config: Mapping[str, Any], own: str = "") -> str:
    """Name what a container must not have; empty where it may be made.

    Args:
        host_config: as the Engine API has it, https://docs.docker.com/reference/api/engine/.
        own: the directory of the embedded AWS's own files, which tasks may have; empty where there is none.
    """
    for name, words in REFUSED.items():
        if host_config.get(name):
            return words
    for name in NAMESPACES:
        if str(host_config.get(name) or "").startswith(("host", "container:")):
            return f"another's namespace ({name} {host_config[name]})"
    paths = [str(bind).partition(":")[0] for bind in host_config.get("Binds") or []]
    mounts = host_config.get("Mounts") or []
    paths += [str(mount.get("Source", "")) for mount in mounts if mount.get("Type") in ("bind", None)]
    paths = [path for path in paths if not (own and posixpath.normpath(path).startswith(f"{own}/"))]
    return next((f"a path of this machine ({path})" for path in paths if path.startswith(("/", ".", "~"))), "")


def install(keys: Keys, registry_hosts: Iterable[str], own: str = "") -> None:
    """Refuse these containers for every service, and log in to the embedded registry for the images of the others.

    Args:
        keys: of this start.
        registry_hosts: by which images of the embedded registry are named.
        own: the directory of the embedded AWS's own files, which tasks may have; empty where there is none.
    """
    _refuse_containers(own)
    _log_in(keys, frozenset(registry_hosts))


def _refuse_containers(own: str) -> None:
    create: Callable[..., Any] = ContainerApiMixin.create_container_from_config

    def create_if_harmless(self: Any, config: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        if words := refused(config.get("HostConfig") or {}, own):
            raise APIError(f"the embedded AWS makes no container with {words} -> leave it out of the task definition")
        return create(self, config, *rest, **more)

    ContainerApiMixin.create_container_from_config = create_if_harmless


def _log_in(keys: Keys, registry_hosts: frozenset[str]) -> None:
    header_of_others: Callable[..., Any] = docker.auth.get_config_header
    own: Any = docker.auth.encode_header({"username": "AWS", "password": keys.registry})
    docker.auth.get_config_header = lambda client, registry: (
        own if registry in registry_hosts else header_of_others(client, registry)
    )
