# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls in a request to the gateway, from its path, its method and its JSON-RPC body.

https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#streamable-http
"""

from __future__ import annotations

import json
from typing import Any

from mcp_gateway_stand_in.scopes import TOOL_METHOD, Call

WITHOUT_BODY = "initialize"  # a request without a body needs this permission, as in the original


class BodyError(ValueError):
    """A body is not one of JSON-RPC."""


def server_of(path: str) -> str:
    """Return the server that a path names: its first segment."""
    return path.lstrip("/").partition("?")[0].partition("/")[0]


def calls_of(server: str, method: str, body: bytes) -> list[Call]:
    """Return the calls of a request, several for a batch; each of them needs a permission.

    The form of the body changes nothing, and a body that two readers may understand differently is refused.

    Args:
        server: that the path names.
        method: of HTTP.
        body: as the server will receive it.

    Raises:
        BodyError: the body is not one of JSON-RPC.
    """
    if not body:
        if method == "POST":
            raise BodyError("the body is empty")
        return [Call(server, WITHOUT_BODY)]
    try:
        message = json.loads(body.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise BodyError(f"the body is not JSON: {error}") from None
    messages = message if isinstance(message, list) else [message]
    if not messages:
        raise BodyError("the batch is empty")
    return [_call(server, one) for one in messages]


def _call(server: str, message: Any) -> Call:
    if not isinstance(message, dict):
        raise BodyError("a message is not an object")
    if "method" not in message and ("result" in message or "error" in message):
        return Call(server, WITHOUT_BODY)  # the client's response to a request of the server
    method = message.get("method")
    if not isinstance(method, str) or not method:
        raise BodyError("a message has no method")
    if method != TOOL_METHOD:
        return Call(server, method)
    parameters = message.get("params")
    tool = parameters.get("name") if isinstance(parameters, dict) else None
    if not isinstance(tool, str) or not tool:
        raise BodyError(f"{TOOL_METHOD} names no tool")
    return Call(server, method, tool)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found
