#!/opt/oneshot/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves Oneshot's dashboard, for which its package has no command; ends with 0 at SIGINT and SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import uvicorn
from oneshot.events import event_emitter
from oneshot.orchestrator import AsyncOrchestrator
from oneshot.web_ui import WebUIApp

GRACE_SECONDS = 25  # below ECS's default of 30 s before SIGKILL


async def serve() -> None:
    """Serve until a signal; the application starts tasks when it is made, so a loop has to run by then."""
    # The package itself never starts its emitter, and no event would reach a WebSocket.
    await event_emitter.start()
    application = WebUIApp(AsyncOrchestrator()).get_app()
    address, port = os.environ.get("TASK_ADDRESS") or "0.0.0.0", int(os.environ.get("PORT") or 8000)
    config = uvicorn.Config(application, host=address, port=port, timeout_graceful_shutdown=GRACE_SECONDS)
    await uvicorn.Server(config).serve()
    await event_emitter.stop()


if __name__ == "__main__":
    # uvicorn raises the signal again after its shutdown, which would end the process with the signal's code.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
