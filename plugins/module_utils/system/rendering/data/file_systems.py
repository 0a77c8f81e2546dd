# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EFS file systems of a system.

Logical ids and outputs end in what they are, so that no name in a description gives one of another name, or that of a
parameter.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.kept import KEPT
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import group_of
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Output,
    Parts,
    logical_id,
    name_tag,
    output,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import FileSystem, Sections

FILE_SYSTEMS = "file-systems"
# As many as a network has subnets at most.
ZONES = (1, 2, 3)
# The private subnets, with empty ones up to three zones: Fn::Select fails beyond the end of a list.
SUBNETS = Output("network", "ZonedSubnetIds", is_list=True)


def file_systems(sections: Sections) -> Parts:
    """Return the EFS file systems, each with a mount target in every zone, and an access point."""
    conditions = {f"HasZone{zone}": _has_zone(zone) for zone in ZONES[1:]}
    found = Parts(conditions=conditions)
    for name, file_system in sections["file_systems"].items():
        found |= _file_system(name, file_system)
    return found


def _file_system(name: str, file_system: FileSystem) -> Parts:
    resource, access_point = f"{logical_id(name)}FileSystem", f"{logical_id(name)}AccessPoint"
    owner = {"Uid": str(file_system["uid"]), "Gid": str(file_system["gid"])}
    resources: dict[str, Any] = {
        resource: {
            "Type": "AWS::EFS::FileSystem",
            **KEPT,
            "Properties": {
                "Encrypted": True,
                "BackupPolicy": {"Status": "ENABLED" if file_system["backup"] else "DISABLED"},
                "FileSystemTags": name_tag(name),
            },
        },
        access_point: {
            "Type": "AWS::EFS::AccessPoint",
            "Properties": {
                "FileSystemId": {"Ref": resource},
                "PosixUser": owner,
                "RootDirectory": {
                    "Path": file_system.get("path", f"/{name}"),
                    "CreationInfo": {
                        "OwnerUid": owner["Uid"],
                        "OwnerGid": owner["Gid"],
                        "Permissions": file_system["permissions"],
                    },
                },
                "AccessPointTags": name_tag(name),
            },
        },
    }
    for zone in ZONES:
        resources[f"{logical_id(name)}MountTarget{zone}"] = {
            "Type": "AWS::EFS::MountTarget",
            **({"Condition": f"HasZone{zone}"} if zone > 1 else {}),
            "Properties": {
                "FileSystemId": {"Ref": resource},
                "SubnetId": {"Fn::Select": [zone - 1, SUBNETS]},
                "SecurityGroups": [group_of("file_system", name)],
            },
        }
    return Parts(
        resources,
        {
            f"{resource}Id": output(f"File system {name}.", {"Ref": resource}),
            f"{resource}Arn": output(f"ARN of file system {name}.", {"Fn::GetAtt": [resource, "Arn"]}),
            f"{access_point}Id": output(f"Access point of {name}.", {"Ref": access_point}),
            f"{access_point}Arn": output(f"ARN of the access point of {name}.", {"Fn::GetAtt": [access_point, "Arn"]}),
        },
    )


def _has_zone(zone: int) -> dict[str, Any]:
    return {"Fn::Not": [{"Fn::Equals": [{"Fn::Select": [zone - 1, SUBNETS]}, ""]}]}
