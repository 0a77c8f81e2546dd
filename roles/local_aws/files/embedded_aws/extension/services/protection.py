# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task scale-in protection: a service stops no protected task, neither to scale in nor for a deployment.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.core import responses
from ministack.services import ecs, ecs_metadata

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
ENDPOINT = re.compile(r"(?P<agent>/v4/(?P<token>[A-Za-z0-9_-]+))/task-protection/v1/state")
MINUTES = (1, 2880)
DEFAULT_MINUTES = 120
Answer = tuple[int, dict[str, str], bytes]


def is_protected(task: Mapping[str, Any], now_s: float) -> bool:
    """Return whether a task is protected at an instant of the epoch."""
    return float(task.get("_protected_until", 0.0)) > now_s


def state(task: Mapping[str, Any], now_s: float) -> dict[str, Any]:
    """Return a task's protection as the API does."""
    protected = is_protected(task, now_s)
    expires = {"expirationDate": task["_protected_until"]} if protected else {}
    return {"taskArn": task["taskArn"], "protectionEnabled": protected, **expires}


def refusal(task: Mapping[str, Any] | None) -> dict[str, str]:
    """Return why a task cannot be protected, as the API's failures have it; empty where it can."""
    if task is None or task.get("lastStatus") == "STOPPED":
        return {"reason": "MISSING"}
    if not str(task.get("group", "")).startswith("service:"):
        detail = "Only tasks that are part of a service can be protected."
        return {"reason": "TASK_NOT_VALID", "detail": detail}
    return {}


def update(request: Mapping[str, Any]) -> Answer:
    """UpdateTaskProtection."""
    minutes = request.get("expiresInMinutes", DEFAULT_MINUTES)
    if not MINUTES[0] <= minutes <= MINUTES[1]:
        message = f"expiresInMinutes must be between {MINUTES[0]} and {MINUTES[1]}."
        return _refusal("InvalidParameterException", message, 400)
    until_s = time.time() + 60 * minutes if request["protectionEnabled"] else 0.0
    return _answer(request, until_s)


def get(request: Mapping[str, Any]) -> Answer:
    """GetTaskProtection."""
    return _answer(request, None)


def endpoint_request(method: str, arn: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the operation and the request that a task's call of its agent means.

    Raises:
        ValueError: the body is not as ECS documents it.
    """
    cluster = arn.split(":task/")[-1].partition("/")[0]
    request: dict[str, Any] = {"cluster": cluster, "tasks": [arn]}
    if method == "GET":
        return "GetTaskProtection", request
    given = json.loads(body)
    if not isinstance(given, dict) or not isinstance(given.get("ProtectionEnabled"), bool):
        raise ValueError("ProtectionEnabled is missing")
    request["protectionEnabled"] = given["ProtectionEnabled"]
    if given.get("ExpiresInMinutes") is not None:
        request["expiresInMinutes"] = int(given["ExpiresInMinutes"])
    return "UpdateTaskProtection", request


def endpoint_answer(arn: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the agent answers, from the response of the operation."""
    if failures := answer.get("failures"):
        return {"failure": {"Arn": arn, "Reason": failures[0]["reason"], "Detail": failures[0].get("detail", "")}}
    if not answer.get("protectedTasks"):
        code = str(answer.get("__type", "ServerException")).rpartition("#")[2]
        return {"error": {"Arn": arn, "Code": code, "Message": answer.get("message", "")}}
    [found] = answer["protectedTasks"]
    expires = {}
    if found["protectionEnabled"]:
        instant = datetime.fromtimestamp(found["expirationDate"], UTC)
        expires["ExpirationDate"] = instant.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"protection": {**expires, "ProtectionEnabled": found["protectionEnabled"], "TaskArn": arn}}


def install() -> None:
    """Let ECS keep the protection of tasks, and tasks ask their agent for it."""
    handle, register = ecs_metadata.handle_request, ecs._register_metadata

    async def handle_with_protection(method: str, path: str, headers: Any, body: bytes, query: Any) -> Answer:
        found = ENDPOINT.fullmatch(path)
        arn = ecs_metadata._TOKEN_TO_TASK.get(found["token"]) if found else None
        if arn is None:
            answer: Answer = await handle(method, path, headers, body, query)
            return answer
        return _endpoint(method, arn, body)

    def register_with_agent(
        task: Any, cluster: Any, definition: Any, container: Any, kind: Any, env: Any, *rest: Any
    ) -> Any:
        token = register(task, cluster, definition, container, kind, env, *rest)
        env["ECS_AGENT_URI"] = env["ECS_CONTAINER_METADATA_URI_V4"]
        return token

    ecs_metadata.handle_request = handle_with_protection
    ecs._register_metadata = register_with_agent
    ecs._ACTION_MAP["UpdateTaskProtection"] = update
    ecs._ACTION_MAP["GetTaskProtection"] = get


def _endpoint(method: str, arn: str, body: bytes) -> Answer:
    try:
        operation, request = endpoint_request(method, arn, body)
    except (TypeError, ValueError) as error:
        refused = {"error": {"Arn": arn, "Code": "InvalidParameterException", "Message": str(error)}}
        return _document(refused, 400)
    _partition, _service, region, account = arn.split(":")[1:5]
    with responses.request_scope(account, region):
        status, _headers, found = ecs._ACTION_MAP[operation](request)
    return _document(endpoint_answer(arn, json.loads(found)), status)


def _document(document: Mapping[str, Any], status: int) -> Answer:
    answer: Answer = responses.json_response(document, status)
    return answer


def _answer(request: Mapping[str, Any], until_s: float | None) -> Answer:
    cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
    if cluster is None or cluster not in ecs._clusters:
        return _refusal("ClusterNotFoundException", "Cluster not found.", 400)
    found, failures = [], []
    for reference in request.get("tasks") or []:
        task = ecs._resolve_task(reference, cluster)
        if failed := refusal(task):
            failures.append({"arn": task["taskArn"] if task else reference, **failed})
            continue
        if until_s is not None:
            task["_protected_until"] = until_s
        found.append(state(task, time.time()))
    return _document({"protectedTasks": found, "failures": failures}, 200)


def _refusal(code: str, message: str, status: int) -> Answer:
    answer: Answer = responses.error_response_json(code, message, status)
    return answer
