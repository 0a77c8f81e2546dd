# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""boto3 clients of a module that asks many services a few questions each, and where they ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.open_clients import open_client

# The SDK itself repeats what may work in a moment: https://docs.aws.amazon.com/boto3/latest/guide/retries.html
REPEATING = {"connect_timeout": 5.0, "read_timeout": 20.0, "retries": {"mode": "standard", "total_max_attempts": 8}}


def module_clients(module: Any) -> Callable[[str], Any]:
    """Return what makes a client of a service with the module's credentials, region and endpoint, one a service.

    Args:
        module: an AnsibleAWSModule.
    """

    @cache
    def client(service: str) -> Any:
        return open_client(module, service, REPEATING)

    return client


def place(module: Any) -> str:
    """Name the region and, where there is one, the endpoint that a module calls; for messages.

    Args:
        module: an AnsibleAWSModule.
    """
    endpoint = module.params.get("endpoint_url")
    return f"region {module.region}" + (f", endpoint {endpoint}" if endpoint else "")
