# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""boto3 clients with a module's credentials, the making of which raises instead of ending the module."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import NoCredentialsError

from ansible_collections.amazon.aws.plugins.module_utils.botocore import boto3_inventory_conn, get_aws_connection_info
from ansible_collections.gantry.ecs.plugins.module_utils.aws.credentials import (
    check_settings,
    source_of,
    told_as_credentials,
)

# A preflight waits for nothing: a few tries, then what was not answered is told.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
SHORT = {"connect_timeout": 5.0, "read_timeout": 15.0, "retries": {"mode": "standard", "total_max_attempts": 3}}


def open_client(module: Any, service: str, config: Mapping[str, Any], region: str | None = None) -> Any:
    """Make a client with the module's credentials, region and endpoint.

    AnsibleAWSModule's own clients end the module where the profile is unknown, and let through what Python raises
    for credentials.

    Args:
        module: an AnsibleAWSModule.
        service: such as "ec2".
        config: settings of botocore's client.
        region: another than the module's.

    Raises:
        CredentialsError: there are no credentials; so do the client's calls.
    """
    source = source_of(module.params)
    check_settings(module.params)
    with told_as_credentials(source):
        own_region, endpoint, credentials = get_aws_connection_info(module)
        client = boto3_inventory_conn(
            "client", service, region=region or own_region, endpoint=endpoint, config=dict(config), **credentials
        )

    def fetch_credentials(**_event: Any) -> None:
        with told_as_credentials(source):
            found = client._get_credentials()
            if found is None:
                raise NoCredentialsError()
            found.get_frozen_credentials()

    # The SDK fetches some credentials, a role's for instance, only with the first call, and anew while it goes on:
    # before it builds a request, which may need the account's id, and before it signs one.
    for event in ("before-parameter-build", f"request-created.{service}"):
        client.meta.events.register_first(event, fetch_credentials)
    return client


class OpenClients:
    """Makes clients that do not wait long, one of each service and region.

    Args:
        module: an AnsibleAWSModule.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._known: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = "") -> Any:
        """Return a client.

        Args:
            service: such as "ec2".
            region: another than the module's.

        Raises:
            CredentialsError: there are no credentials, or no profile of this name.
        """
        if (service, region) not in self._known:
            self._known[service, region] = open_client(self._module, service, SHORT, region)
        return self._known[service, region]
