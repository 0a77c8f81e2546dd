# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""boto3 clients with a module's credentials, the making of which raises instead of ending the module."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import boto3_inventory_conn, get_aws_connection_info

# A preflight waits for nothing: a few tries, then what was not answered is told.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
SHORT = {"connect_timeout": 5.0, "read_timeout": 15.0, "retries": {"mode": "standard", "total_max_attempts": 3}}


class OpenClients:
    """Makes clients with the module's credentials, region and endpoint.

    AnsibleAWSModule's own clients end the module where the profile is unknown, so nothing else could be found out.

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
            botocore.exceptions.BotoCoreError: there is no such profile, or its configuration is broken.
        """
        if (service, region) not in self._known:
            own_region, endpoint, credentials = get_aws_connection_info(self._module)
            self._known[service, region] = boto3_inventory_conn(
                "client", service, region=region or own_region, endpoint=endpoint, config=SHORT, **credentials
            )
        return self._known[service, region]
