# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hypercorn serves: MiniStack with what is mended of it, behind the guard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ministack import app as ministack

from embedded_aws.extension import containers, extension, grants
from embedded_aws.guard import services
from embedded_aws.guard.guard import Guard
from embedded_aws.guard.guarded import Guarded
from embedded_aws.guard.keys import Keys


def build() -> Guarded:
    """Build the application from the environment.

    ``DDBLOAD_CREDENTIALS`` names the credentials file that holds the secret, ``DDBLOAD_HOSTS`` the values of the header
    Host that lead here (comma-separated), ``DDBLOAD_TASK_ENGINE`` what runs tasks: ``process`` or ``docker``.
    """
    keys = Keys.read(Path(os.environ["DDBLOAD_CREDENTIALS"]))
    hosts = frozenset(os.environ["DDBLOAD_HOSTS"].lower().split(","))
    extension.install()
    grants.install(keys, in_containers=os.environ["DDBLOAD_TASK_ENGINE"] == "docker")
    containers.install(keys, hosts)
    ministack.SERVICE_HANDLERS = services.InUse(ministack.SERVICE_HANDLERS)
    serve: Any = ministack.app
    return Guarded(Guard(keys, hosts), serve)


application = build()
