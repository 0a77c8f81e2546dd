# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EFS volumes of tasks: which directory each has, and which mounts of a container are EFS's."""

from __future__ import annotations

from typing import Any

import pytest
from embedded_aws.extension.tasks.file_systems import MountError, directory, mounts

FILE_SYSTEMS: dict[str, Any] = {"fs-1": {}, "fs-2": {}}
POINTS = {
    "fsap-1": {"FileSystemId": "fs-1", "RootDirectory": {"Path": "/models/a"}},
    "fsap-2": {"FileSystemId": "fs-2"},
}


def volume(point: str = "", **more: str) -> dict[str, Any]:
    access = {"authorizationConfig": {"accessPointId": point}} if point else {}
    return {"fileSystemId": "fs-1", **access, **more}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (volume(), "fs-1"),
        (volume(rootDirectory="/"), "fs-1"),
        (volume(rootDirectory="/a/b"), "fs-1/a/b"),
        (volume(rootDirectory="/../../a/.."), "fs-1/a"),
        (volume("fsap-1"), "fs-1/models/a"),
        (volume("fsap-2", fileSystemId="fs-2"), "fs-2"),
    ],
)
def test_the_directory_of_a_volume(given: dict[str, Any], expected: str) -> None:
    """No path leads out of the directory of its file system."""
    assert directory(given, FILE_SYSTEMS, POINTS) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (volume(fileSystemId="fs-3"), "Failed to resolve file system fs-3: it does not exist"),
        (volume("fsap-3"), "Failed to resolve access point fsap-3: file system fs-1 does not have it"),
        (volume("fsap-2"), "Failed to resolve access point fsap-2: file system fs-1 does not have it"),
    ],
)
def test_a_volume_of_nothing_is_an_error(given: dict[str, Any], message: str) -> None:
    with pytest.raises(MountError) as raised:
        directory(given, FILE_SYSTEMS, POINTS)
    assert str(raised.value) == message


def test_mounts_of_a_container() -> None:
    """Volumes of the task's own disk stay as they are on this machine."""
    definition = {"volumes": [{"name": "files", "efsVolumeConfiguration": volume()}, {"name": "scratch"}]}
    points = [
        {"sourceVolume": "files", "containerPath": "/a", "readOnly": True},
        {"sourceVolume": "files", "containerPath": "/b"},
        {"sourceVolume": "scratch", "containerPath": "/c"},
    ]
    assert list(mounts(definition, {"mountPoints": points})) == [(volume(), "/a", True), (volume(), "/b", False)]
    assert list(mounts({}, {})) == []
