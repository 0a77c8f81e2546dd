# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a stand-in listens and stops, and how it reads its environment."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web

GRACE_SECONDS = 20.0  # below ECS's default of 30 s before SIGKILL
HIGHEST_PORT = 65535


class SettingError(ValueError):
    """A variable of the environment is missing or invalid."""


class Site(NamedTuple):
    """An application and where it listens."""

    application: web.Application
    address: str
    port: int


def required(environment: Mapping[str, str], name: str) -> str:
    """Return the value of a variable.

    Raises:
        SettingError: it is missing or empty.
    """
    if not (value := environment.get(name, "")):
        raise SettingError(f"{name} is not set")
    return value


def port_of(environment: Mapping[str, str], name: str, default: int) -> int:
    """Return a port from a variable, or its default.

    Raises:
        SettingError: it is not a number between 1 and 65535.
    """
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
        raise SettingError(f"{name} is {text!r}, and not between 1 and {HIGHEST_PORT}")
    return int(text)


def address_of(environment: Mapping[str, str]) -> str:
    """Return the address that a stand-in listens on: the task's on the embedded AWS, else the loopback."""
    return environment.get("TASK_ADDRESS") or "127.0.0.1"


def origin_of(url: str) -> str:
    """Return a URL without a slash at its end."""
    return url.rstrip("/")


async def serve(name: str, *sites: Site) -> None:
    """Serve until SIGINT or SIGTERM; then finish the requests under way.

    Args:
        name: of the stand-in, for its log.
        sites: the applications; they start in this order.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runners = []
    try:
        for site in sites:
            runner = web.AppRunner(
                site.application, shutdown_timeout=GRACE_SECONDS, access_log=None, handler_cancellation=True
            )
            await runner.setup()
            runners.append(runner)
            await web.TCPSite(runner, site.address, site.port).start()
            print(f"{name} (stand-in) listens on http://{site.address}:{site.port}", flush=True)
        await stop.wait()
    finally:
        for runner in runners:
            await runner.cleanup()
    print(f"{name} (stand-in) has stopped", flush=True)
