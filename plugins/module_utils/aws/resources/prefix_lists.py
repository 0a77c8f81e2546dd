# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's own prefix lists: the addresses of a service in a region, for rules of security groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError


class PrefixListError(ProblemError):
    """A service has no prefix list in the region."""


def find_prefix_lists(client: Any, services: Sequence[str]) -> dict[str, str]:
    """Look up AWS's prefix lists of services with a gateway endpoint.

    Args:
        client: a boto3 EC2 client.
        services: such as ``dynamodb`` and ``s3``.

    Returns:
        The id of each service's list, by service.

    Raises:
        PrefixListError: the region has no list of a service.
        botocore.exceptions.BotoCoreError, ClientError: EC2 refused, or was out of reach. See
            https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
    """
    region = client.meta.region_name
    names = {f"com.amazonaws.{region}.{service}": service for service in services}
    filters = [{"Name": "prefix-list-name", "Values": list(names)}, {"Name": "owner-id", "Values": ["AWS"]}]
    pages = client.get_paginator("describe_managed_prefix_lists").paginate(Filters=filters)
    found = {names[one["PrefixListName"]]: str(one["PrefixListId"]) for page in pages for one in page["PrefixLists"]}
    if missing := [name for name, service in names.items() if service not in found]:
        raise PrefixListError(
            Problem("prefix_list", f"there is no prefix list {', '.join(missing)}", "check aws_region")
        )
    return found
