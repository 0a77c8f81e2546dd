# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases put into MiniStack's process; nothing runs until the first DB cluster exists."""

from __future__ import annotations

import atexit
from pathlib import Path

from ministack.services import rds

from embedded_aws.database.addresses import Addresses
from embedded_aws.database.databases import Databases

# The private names of MiniStack that this hall uses; after a bump, look at each of them again.
NAMES = (
    "_ACTION_MAP",
    "_cluster_xml",
    "_clusters",
    "_create_cluster_snapshot_internal",
    "_db_cluster_param_groups",
    "_db_proxies",
    "_db_proxy_endpoints",
    "_db_proxy_xml",
    "_error",
    "_get_db_proxy",
    "_p",
    "_resolve_cluster_in_request_region",
    "_xml",
)


def install(directory: Path, port: int) -> Databases:
    """Let RDS's DB clusters and proxies accept connections.

    Args:
        directory: of the data.
        port: of the embedded AWS.

    Returns:
        The databases.

    Raises:
        RuntimeError: MiniStack lacks a name that this hall uses.
    """
    if missing := [name for name in NAMES if not hasattr(rds, name)]:
        raise RuntimeError(
            f"MiniStack's rds lacks {', '.join(missing)} -> install the version of requirements/local.txt"
        )
    # Only now, since it uses the names that have just been checked.
    from embedded_aws.database.requests import Requests

    databases = Databases(directory, Addresses.of_port(port))
    Requests(databases).install()
    atexit.register(databases.stop)
    return databases
