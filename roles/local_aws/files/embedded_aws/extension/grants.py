# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that MiniStack issues to tasks and image clients, changed so that the guard accepts them."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ministack.services import ecr, ecs

from embedded_aws.guard.keys import Keys


def install(keys: Keys, *, in_containers: bool) -> None:
    """Replace what MiniStack would hand out.

    Args:
        keys: of this start.
        in_containers: whether tasks are containers. The AWS SDK fetches a container's credentials from a loopback only,
            by which no container reaches this machine, so its environment holds them.
    """
    _task_environment(keys, in_containers)
    _registry_token(keys)
    _layer_address(keys, f"127.0.0.1:{os.environ['GATEWAY_PORT']}")


def _task_environment(keys: Keys, in_containers: bool) -> None:
    register: Callable[..., str] = ecs._register_metadata

    def register_with_key(
        task_arn: str, cluster_arn: str, td: Any, cdef: Any, launch_type: str, env: dict[str, str], *rest: Any
    ) -> str:
        token = register(task_arn, cluster_arn, td, cdef, launch_type, env, *rest)
        env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = keys.task
        if in_containers:
            env.setdefault("AWS_ACCESS_KEY_ID", keys.task)
            env.setdefault("AWS_SECRET_ACCESS_KEY", "embedded-aws-needs-no-secret")
        host = env["AWS_ENDPOINT_URL"].rpartition("/")[2].partition(":")[0]
        # A proxy in the task's environment does not reach this machine's loopback.
        for name in ("NO_PROXY", "no_proxy"):
            env[name] = ",".join(dict.fromkeys(filter(None, [env.get(name), host, "localhost"])))
        return token

    ecs._register_metadata = register_with_key


def _registry_token(keys: Keys) -> None:
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
    answer: Callable[[Any], tuple[int, dict[str, str], bytes]] = ecr._get_authorization_token
    made_up, own = (
        base64.b64encode(f"AWS:{password}".encode()) for password in ("ministack-auth-token", keys.registry)
    )

    def answer_with_own_token(data: Any) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = answer(data)
        if made_up not in body:
            raise RuntimeError("MiniStack hands out another token of the registry than is known here")
        return status, headers, body.replace(made_up, own)

    ecr._get_authorization_token = answer_with_own_token


def _layer_address(keys: Keys, host: str) -> None:
    """Name a layer where it is, signed as ECR's addresses are: MiniStack names a host of AWS's.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
    """
    answer: Callable[[Any], tuple[int, dict[str, str], bytes]] = ecr._get_download_url_for_layer

    def answer_with_own_address(data: Any) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = answer(data)
        if status >= 400:
            return status, headers, body
        found = json.loads(body)
        path = urlsplit(found["downloadUrl"]).path
        found["downloadUrl"] = f"http://{host}{path}?X-Amz-Credential={keys.task}"
        return status, headers, json.dumps(found).encode()

    ecr._get_download_url_for_layer = answer_with_own_address
