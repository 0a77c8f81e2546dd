# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which capacity providers a cluster has, and its default strategy.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-cluster.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-clustercapacityproviderassociations.html
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

from embedded_aws.extension.api import call
from embedded_aws.extension.api_shapes import request_shape, to_request
from embedded_aws.extension.resources import kind
from embedded_aws.extension.resources.kind import Kind, Made, Properties

CLUSTER = "AWS::ECS::Cluster"
STRATEGY = "DefaultCapacityProviderStrategy"


def typed(properties: Properties) -> dict[str, Any]:
    """Return a cluster's properties with numbers in its default strategy: a template's parameters are text.

    Raises:
        PropertyError: a member of the strategy is unknown, of another type, or missing.
    """
    if STRATEGY not in properties:
        return dict(properties)
    shape = request_shape("ecs", "PutClusterCapacityProviders").members["defaultCapacityProviderStrategy"]
    return {**properties, STRATEGY: to_request(shape, properties[STRATEGY], STRATEGY)}


def put_request(properties: Properties) -> dict[str, Any]:
    """Return the request of PutClusterCapacityProviders that a template's properties mean.

    Raises:
        PropertyError: a property is unknown, of another type, or missing.
    """
    request: dict[str, Any] = to_request(request_shape("ecs", "PutClusterCapacityProviders"), properties)
    return request


def _put(properties: Properties, _name: str) -> Made:
    call("ecs", "PutClusterCapacityProviders", **put_request(properties))
    return str(properties["Cluster"]), {}


def _delete(cluster: str, _properties: Properties) -> None:
    empty: dict[str, Any] = {"capacityProviders": [], "defaultCapacityProviderStrategy": []}
    call("ecs", "PutClusterCapacityProviders", cluster=cluster, **empty)


KINDS = {
    "AWS::ECS::ClusterCapacityProviderAssociations": Kind(
        _put, _delete, lambda _, __, new: _put(new, ""), replaced_by=("Cluster",)
    ),
}


def install() -> None:
    """Let templates associate capacity providers, and give a cluster's default strategy its numbers."""
    kind.install(KINDS)
    handlers = provisioners._RESOURCE_HANDLERS[CLUSTER]
    make, change = handlers["create"], handlers["update"]

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        return make(logical_id, typed(properties), stack_name)

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, *logical_id: Any) -> Any:
        return change(physical_id, old, typed(new), stack_name, *logical_id)

    handlers.update(create=create, update=update)
