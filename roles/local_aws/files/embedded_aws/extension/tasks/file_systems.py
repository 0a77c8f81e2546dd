# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EFS volumes of tasks: a directory of this machine for each file system, mounted at the container's path.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ministack.services import ecs, efs

Record = Mapping[str, Any]


class MountError(RuntimeError):
    """A volume names a file system or an access point that does not exist."""


def directory(volume: Record, file_systems: Mapping[str, Record], access_points: Mapping[str, Record]) -> str:
    """Return the directory of an EFS volume, relative to that of all file systems.

    Args:
        volume: its efsVolumeConfiguration.
        file_systems: that exist, by id.
        access_points: that exist, by id.

    Raises:
        MountError: the file system or the access point does not exist.
    """
    file_system = volume.get("fileSystemId", "")
    if file_system not in file_systems:
        raise MountError(f"Failed to resolve file system {file_system}: it does not exist")
    inside = volume.get("rootDirectory") or "/"
    if point := (volume.get("authorizationConfig") or {}).get("accessPointId"):
        record = access_points.get(point)
        if record is None or record["FileSystemId"] != file_system:
            raise MountError(f"Failed to resolve access point {point}: file system {file_system} does not have it")
        inside = (record.get("RootDirectory") or {}).get("Path") or "/"
    parts = [part for part in PurePosixPath(inside).parts if part not in ("/", "..")]
    return str(PurePosixPath(file_system, *parts))


def mounts(definition: Record, container: Record) -> Iterator[tuple[Record, str, bool]]:
    """Yield the efsVolumeConfiguration, the container's path and whether it is read-only, of each EFS mount."""
    volumes = {each["name"]: each.get("efsVolumeConfiguration") for each in definition.get("volumes") or []}
    for point in container.get("mountPoints") or []:
        if volume := volumes.get(point.get("sourceVolume")):
            yield volume, point["containerPath"], bool(point.get("readOnly"))


def install(root: Path) -> None:
    """Have tasks mount their file systems.

    Args:
        root: directory of all file systems.
    """
    settings, delete = ecs._build_run_kwargs, efs._delete_file_system

    def with_mounts(container: Record, definition: Record, *rest: Any, **more: Any) -> Any:
        found = settings(container, definition, *rest, **more)
        binds = []
        for volume, path, read_only in mounts(definition, container):
            source = root / directory(volume, efs._file_systems, efs._access_points)
            source.mkdir(parents=True, exist_ok=True)
            binds.append(f"{source}:{path}:{'ro' if read_only else 'rw'}")
        return {**found, "volumes": [*found.get("volumes", []), *binds]} if binds else found

    def delete_with_files(file_system: str) -> Any:
        response = delete(file_system)
        if response[0] < 400:
            shutil.rmtree(root / file_system, ignore_errors=True)
        return response

    ecs._build_run_kwargs = with_mounts
    efs._delete_file_system = delete_with_files
