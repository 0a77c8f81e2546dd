# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MCP servers and the agents: their tools' results, and the hosts and messages that they refuse."""

from __future__ import annotations

import json
import re
import urllib.request
from datetime import datetime
from typing import Any

import pytest
from mcp_gateway_stand_in.servers.agent import FLIGHT, TRAVEL, Agent
from mcp_gateway_stand_in.servers.current_time import current_time_by_timezone, time_zone_names
from mcp_gateway_stand_in.servers.fake_tools import (
    hyper_dimensional_mapper,
    neural_pattern_synthesizer,
    quantum_flux_analyzer,
)
from mcp_gateway_stand_in.servers.gateway_tools import best
from threaded_application import served


def test_the_time_is_that_of_the_zone() -> None:
    found = current_time_by_timezone("Asia/Kolkata")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d IST\+0530", found)
    then = datetime.strptime(found.replace("IST", ""), "%Y-%m-%d %H:%M:%S %z")
    assert abs((datetime.now(then.tzinfo) - then).total_seconds()) < 60
    for wrong in ("Moon/Base", "../../etc/passwd", ""):
        assert current_time_by_timezone(wrong).startswith("Error: there is no time zone")
    assert all(not current_time_by_timezone(name).startswith("Error") for name in time_zone_names("Asia"))


def test_the_fake_tools_say_that_they_are_fake() -> None:
    found = [quantum_flux_analyzer(3), neural_pattern_synthesizer(["b", "a"]), hyper_dimensional_mapper([1.5, 2])]
    assert all(one["is_fake"] for one in found)
    assert (found[1]["patterns"], found[2]["sum"]) == (["a", "b"], 3.5)


def test_the_finder_prefers_tools_with_more_words() -> None:
    tools = [{"name": "current_time", "description": "The time in a zone."}, {"name": "zones", "description": "Names."}]
    services = [{"path": "/time", "tools": tools}, {"path": "/fake", "tools": [{"name": "flux", "description": ""}]}]
    assert [one["tool_name"] for one in best("current TIME zone", services)] == ["current_time"]
    assert best("zones of time", services)[0] == {"service_path": "/time", "tool_name": "current_time"}
    assert best("flights", services) == []


def post(url: str, body: bytes) -> Any:
    with urllib.request.urlopen(urllib.request.Request(f"{url}/", body), timeout=20) as response:
        return json.loads(response.read())


def send(url: str) -> str:
    found = post(url, json.dumps({"jsonrpc": "2.0", "id": 5, "method": "message/send", "params": {}}).encode())
    assert found["id"] == 5
    return str(found["result"]["parts"][0]["text"])


def test_the_travel_assistant_calls_the_other_agent() -> None:
    with served(Agent(FLIGHT, "http://flight", "").application()) as flight:
        assert send(flight) == "flight-booking-agent has read the message"
        with served(Agent(TRAVEL, "http://travel", flight).application()) as travel:
            assert send(travel).endswith("; flight-booking-agent has read the message")
    with served(Agent(TRAVEL, "http://travel", flight).application()) as travel:
        assert send(travel).endswith("; the other agent does not respond: ClientConnectorError")


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"x", -32700), (b"[]", -32600), (b"{}", -32600), (b'{"jsonrpc": "2.0", "id": 1, "method": "tasks/get"}', -32601)],
)
def test_an_agent_refuses_other_messages(body: bytes, code: int) -> None:
    with served(Agent(FLIGHT, "http://flight", "").application()) as url:
        assert post(url, body)["error"]["code"] == code


def test_the_card_names_the_agents_url() -> None:
    with (
        served(Agent(FLIGHT, "http://flight:9000", "").application()) as url,
        urllib.request.urlopen(f"{url}/.well-known/agent-card.json", timeout=20) as response,
    ):
        card = json.loads(response.read())
    assert (card["url"], card["name"], card["protocolVersion"]) == ("http://flight:9000/", FLIGHT, "0.3.0")
