# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource properties of a CloudFormation template, as members of the service's own API."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

# A property has the name of the API's member with a capital, but for these: (structure, member) -> property.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-table-ssespecification.html
SPELLINGS = {
    ("Volume", "efsVolumeConfiguration"): "EFSVolumeConfiguration",
    ("Volume", "s3filesVolumeConfiguration"): "S3FilesVolumeConfiguration",
    ("Volume", "fsxWindowsFileServerVolumeConfiguration"): "FSxWindowsFileServerVolumeConfiguration",
    ("EFSVolumeConfiguration", "fileSystemId"): "FilesystemId",
    ("EFSAuthorizationConfig", "iam"): "IAM",
    ("ProxyConfiguration", "properties"): "ProxyConfigurationProperties",
    ("CreateServiceRequest", "placementStrategy"): "PlacementStrategies",
    ("SSESpecification", "Enabled"): "SSEEnabled",
}


class PropertyError(ValueError):
    """A property that the API does not take; the message names it and quotes no value, which may be a secret."""


@functools.cache
def request_shape(service: str, operation: str) -> StructureShape:
    """Return the shape of an operation's request by botocore's model of the service."""
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    return shape


def to_request(shape: Shape, value: Any, path: str = "") -> Any:
    """Convert a property to what the API takes: its names, its types, every member of every list.

    Args:
        shape: what the API takes, by botocore's model.
        value: what the template says, its functions resolved. Text stands for numbers and booleans too, since a
            template's parameters are text.
        path: the property's name, for messages; empty for a resource's properties as a whole.

    Raises:
        PropertyError: the API knows no property of the name, needs another type, or lacks a member it requires.
    """
    if isinstance(shape, StructureShape):
        return value if shape.is_document_type else _structure(shape, value, path)
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise PropertyError(f"{path} is no list -> write a list")
        return [to_request(shape.member, item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(shape, MapShape):
        # The keys are the template's own words, such as a log driver's options.
        return {key: to_request(shape.value, item, f"{path}.{key}") for key, item in _mapping(value, path).items()}
    return _scalar(shape.type_name, value, path)


def property_names(shape: StructureShape) -> dict[str, str]:
    """Return the API's member of each property of a structure."""
    return {
        SPELLINGS.get((shape.name, member), f"{member[0].upper()}{member[1:]}"): str(member) for member in shape.members
    }


def _structure(shape: StructureShape, value: Any, path: str) -> dict[str, Any]:
    names = property_names(shape)
    members: dict[str, Any] = {}
    for name, item in _mapping(value, path).items():
        full_name = f"{path}.{name}" if path else name
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            remedy = f"write {close[0]}" if close else f"write one of {', '.join(sorted(names))}"
            raise PropertyError(f"{full_name} is no property that the API knows -> {remedy}")
        members[names[name]] = to_request(shape.members[names[name]], item, full_name)
    for name, member in names.items():
        if member in shape.required_members and member not in members:
            raise PropertyError(f"{path + '.' if path else ''}{name} is missing -> add it")
    return members


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PropertyError(f"{path} is no object -> write one, of names and values")
    return value


def _scalar(type_name: str, value: Any, path: str) -> str | int | float | bool:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, (str, int, float)):
        try:
            match type_name:
                case "string" | "timestamp":
                    return text
                case "boolean" if text.lower() in ("true", "false"):
                    return text.lower() == "true"
                case "integer" | "long" if not isinstance(value, bool):
                    return int(text)
                case "float" | "double" if not isinstance(value, bool):
                    return float(text)
        except ValueError:
            pass  # the message must not quote the value
    raise PropertyError(f"{path} has another type than the API takes -> write a value of type {type_name}")
