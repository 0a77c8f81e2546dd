# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls in a body: its form changes nothing, and a body with two meanings is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_gateway_stand_in.auth_server.calls import BodyError, calls_of, server_of
from mcp_gateway_stand_in.scopes import Call

TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: not any("\ud800" <= one <= "\udfff" for one in text))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(
    TEXTS, st.dictionaries(TEXTS, VALUES, max_size=4), st.booleans(), st.sampled_from([None, 0, 1, 4]), st.booleans()
)
def test_the_form_of_a_call_changes_nothing(
    tool: str, arguments: dict[str, Any], ascii: bool, indent: int | None, backwards: bool
) -> None:
    parameters = {"name": tool, "arguments": arguments}
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": parameters}
    if backwards:
        message = {**dict(reversed(message.items())), "params": dict(reversed(parameters.items()))}
    body = json.dumps(message, ensure_ascii=ascii, indent=indent).encode()
    assert calls_of("time", "POST", body) == [Call("time", "tools/call", tool)]


@given(st.lists(TEXTS.filter(lambda text: text != "tools/call"), min_size=1, max_size=5))
def test_each_message_of_a_batch_is_a_call(methods: list[str]) -> None:
    body = json.dumps([{"jsonrpc": "2.0", "id": 1, "method": method} for method in methods]).encode()
    assert calls_of("time", "POST", body) == [Call("time", method) for method in methods]


@given(st.binary(max_size=60))
def test_any_bytes_are_calls_or_an_error(body: bytes) -> None:
    try:
        found = calls_of("time", "POST", body)
    except BodyError:
        return
    assert all(call.method for call in found) and found


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1",
        b"[]",
        b"[1]",
        b"{}",
        b"\xef\xbb\xbf{}",
        b'{"method": ""}',
        b'{"method": 1}',
        b'{"method": "tools/call"}',
        b'{"method": "tools/call", "params": []}',
        b'{"method": "tools/call", "params": {"name": ""}}',
        b'{"method": "tools/call", "params": {"name": "a", "name": "b"}}',
        b'{"method": "a", "params": {"x": {"y": 1, "y": 2}}}',
        b'{"method": "a"} {"method": "b"}',
        b"[" * 100_000,
        '{"method": "a"}'.encode("utf-16"),
        b'{"method": "\xff"}',
    ],
)
def test_a_body_that_is_no_message_is_an_error(body: bytes) -> None:
    with pytest.raises(BodyError):
        calls_of("time", "POST", body)


def test_a_request_without_body_needs_initialize() -> None:
    assert calls_of("time", "GET", b"") == calls_of("time", "DELETE", b"") == [Call("time", "initialize")]
    assert calls_of("time", "POST", b'{"jsonrpc": "2.0", "id": 1, "result": {}}') == [Call("time", "initialize")]


@pytest.mark.parametrize(
    ("path", "server"), [("/time/mcp", "time"), ("/time", "time"), ("/time?x=/y", "time"), ("/", ""), ("", "")]
)
def test_the_first_segment_is_the_server(path: str, server: str) -> None:
    assert server_of(path) == server
