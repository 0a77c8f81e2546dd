# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy of the embedded AWS, which forwards each request and returns each response unless a subclass changes it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """The response to a request."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Proxy(ThreadingHTTPServer):
    """A proxy on a free port of the loopback.

    Args:
        port: of the embedded AWS.
        handler: a subclass of `ForwardingProxy`.
    """

    daemon_threads = True

    def __init__(self, port: int, handler: type[ForwardingProxy]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.upstream = port

    @property
    def url(self) -> str:
        """The URL to call instead of AWS."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve until the caller is done."""
        thread = Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()
            thread.join()


class ForwardingProxy(BaseHTTPRequestHandler):
    """Forwards a request."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        """Forward a GET."""
        self._forward()

    def do_POST(self) -> None:
        """Forward a POST."""
        self._forward()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing."""

    def answered_here(self, body: bytes) -> Answer | None:
        """Return a response instead of the embedded AWS's; None to forward the request."""
        return None

    def rewritten(self, body: bytes, content: bytes) -> bytes:
        """Return the response body to send instead of the received content."""
        return content

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.answered_here(body) or self._upstream_answer(body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def _upstream_answer(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        try:
            # The embedded AWS refuses requests with the proxy's name as host.
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body, headers)
            came = connection.getresponse()
            content = came.read()
        finally:
            connection.close()
        return Answer(came.status, dict(came.getheaders()), self.rewritten(body, content))
