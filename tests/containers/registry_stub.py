# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that refuses requests, with the errors of the registry protocol and of ECR.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class RegistryStub(ThreadingHTTPServer):
    """The registry; it responds to every request to a repository with one error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(("127.0.0.1", 0), _Refusals)
        self.status = status
        self.body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.pushes = 0

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_port}"


class _Refusals(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        server = self.server
        assert isinstance(server, RegistryStub)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_greeting = self.path == "/v2/"
        server.pushes += is_greeting
        status, body = (200, b"{}") if is_greeting else (server.status, server.body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _answer

    def log_message(self, *_arguments: Any) -> None:
        """Log nothing."""


@contextmanager
def refusing(status: int, code: str, message: str) -> Iterator[RegistryStub]:
    """Run a registry that refuses requests."""
    with RegistryStub(status, code, message) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
