# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hypercorn serves: MiniStack with what is fixed of it, behind the guard."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

from ministack import app as ministack

from embedded_aws.database import installation as databases
from embedded_aws.extension import clock, extension, grants
from embedded_aws.extension.tasks import containers, file_systems, hosts
from embedded_aws.front.elbv2 import installation as load_balancers
from embedded_aws.guard import services
from embedded_aws.guard.guard import Guard
from embedded_aws.guard.guarded import Guarded
from embedded_aws.guard.keys import Keys
from embedded_aws.service_connect import installation as service_connect

# Allocations before the collector looks for young cycles, and how many of its looks come before one at all objects:
# that one stops every response for a quarter of a second, and what lives long here is state.
COLLECTOR = (50_000, 20, 1_000)


def build() -> Guarded:
    """Build the application from the environment.

    ``DDBLOAD_CREDENTIALS`` names the credentials file that holds the secret, ``DDBLOAD_HOSTS`` the values of the header
    Host that lead here (comma-separated), ``DDBLOAD_TASK_ENGINE`` what runs tasks: ``process`` or ``docker``,
    ``DDBLOAD_FRONT`` the directory of the load balancers' files, ``DDBLOAD_DATABASES`` that of the databases' data,
    ``GATEWAY_PORT`` the port of the embedded AWS, ``STATE_DIR`` that of the tasks' file systems and hosts files.
    """
    keys = Keys.read(Path(os.environ["DDBLOAD_CREDENTIALS"]))
    own_hosts = frozenset(os.environ["DDBLOAD_HOSTS"].lower().split(","))
    extension.install()
    in_containers = os.environ["DDBLOAD_TASK_ENGINE"] == "docker"
    grants.install(keys, in_containers=in_containers)
    port, files = int(os.environ["GATEWAY_PORT"]), Path(os.environ["STATE_DIR"]) / "tasks"
    file_systems.install(files / "file-systems")
    containers.install(keys, own_hosts, str(files))
    front = load_balancers.install(Path(os.environ["DDBLOAD_FRONT"]), port, in_containers=in_containers)
    task_hosts = None if in_containers else hosts.install(files / "hosts")
    if task_hosts is not None:
        clock.looks.append(task_hosts.look)
    service_connect.install(front, task_hosts, port)
    databases.install(Path(os.environ["DDBLOAD_DATABASES"]), port)
    ministack.SERVICE_HANDLERS = services.InUse(ministack.SERVICE_HANDLERS)
    clock.start()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)
    serve: Any = ministack.app
    return Guarded(Guard(keys, own_hosts), serve)


application = build()
