# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded AWS as the module starts it: guard, extension, front and process engine."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import service
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from emulators import FILES, MANIFEST, REPOSITORY, Emulator
from front_targets import NO_DOCKER
from ports import free_port


@dataclass(frozen=True)
class Embedded(Emulator):
    """An embedded AWS that the module's code has started."""

    settings: Settings

    def client(self, service: str) -> Any:
        """Return a boto3 client that the guard lets in."""
        key = self.settings.folder.secret()
        return boto3.client(
            service, "us-east-1", endpoint_url=self.url, aws_access_key_id=key, aws_secret_access_key="unused"
        )

    @property
    def envoy(self) -> int | None:
        """Pid of Envoy."""
        return service.running_pids(self.settings).get("envoy")

    def urls(self, name: str) -> dict[str, str]:
        """Return the URL of each port of a load balancer, as the module returns it."""
        known = self.settings.folder.load_balancers()
        return known[name]["urls"] if name in known else {}

    def push_image(self) -> None:
        """Put the image that tasks name into the registry."""
        ecr = self.client("ecr")
        ecr.create_repository(repositoryName=REPOSITORY)
        ecr.put_image(repositoryName=REPOSITORY, imageTag="1", imageManifest=json.dumps(MANIFEST))


@contextmanager
def embedded_aws() -> Iterator[Embedded]:
    """Start an embedded AWS on a free port, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="ddbload-test-") as folder:
        settings = Settings(free_port(), Path(folder), sys.executable, FILES / "process_engine.py", "warning")
        service.start(settings, "process", NO_DOCKER, 60, lambda: False)
        try:
            yield Embedded(settings.endpoint_url, settings.emulator.log_file, settings)
        finally:
            service.stop(settings, lambda: False)
