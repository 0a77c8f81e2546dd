# SPDX-License-Identifier: Apache-2.0
"""Posts requests to a collector by OTLP over HTTP.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ddbload import __version__
from ddbload.telemetry import protobuf, response
from ddbload.telemetry.settings import HEADERS, JSON, PROTOBUF, PROTOCOL, Settings

TIMEOUT_S = 4.0
MOST_RESPONSE_BYTES = 65_536
# After other statuses, the same points must not be sent again:
# https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
RETRYABLE = frozenset({429, 502, 503, 504})
LONGEST_TEXT = 200
REMEDIES = {
    400: "check the URL's path, and look into the collector's log for what it refuses",
    401: f"give the collector's token in {HEADERS}",
    403: f"give a token in {HEADERS} that may write metrics",
    404: "fix the URL's path: the collector takes metrics at /v1/metrics where its pipeline has some",
    405: "fix the URL: this is no collector's",
    413: "raise the collector's limit for a request's size",
    415: f"set {PROTOCOL} to {JSON}, if the collector takes that",
}
# A receiver that does not read JSON may also call it a bad request.
JSON_REMEDIES = dict.fromkeys((400, 415), f"set {PROTOCOL} to {PROTOBUF}, or look into the collector's log")


class Sender:
    """Posts one request after the other on one connection.

    Attributes:
        problem: why the last request failed, and how to fix it, in one line; empty where all of it was accepted.
        sent: how many requests were accepted.
        failed: how many were not.
        is_settled: whether the points of the last request are not to be sent again: it was accepted, as a whole or in
            part, or refused for good.
        waits_s: seconds for which the collector wants to get no request.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: http.client.HTTPConnection | None = None
        self.problem = ""
        self.sent = self.failed = 0
        self.is_settled = True
        self.waits_s = 0.0

    def post(self, document: Mapping[str, Any]) -> bool:
        """Post a request; return whether it was accepted, as a whole or in part."""
        self.is_settled, self.waits_s = False, 0.0
        is_accepted = False
        try:
            is_accepted, self.problem = self._post(self._encoded(document))
        except (OSError, http.client.HTTPException) as error:
            self._close()
            self.problem = self._unreachable(error)
        self.sent += not self.problem
        self.failed += bool(self.problem)
        return is_accepted

    def _post(self, body: bytes) -> tuple[bool, str]:
        is_reused = self._connection is not None
        try:
            reply = self._respond(body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A collector may close a connection that is idle.
            self._close()
            if not is_reused:
                raise
            reply = self._respond(body)
        data = reply.read(MOST_RESPONSE_BYTES + 1)
        if reply.will_close or len(data) > MOST_RESPONSE_BYTES:
            self._close()
        self.is_settled = reply.status not in RETRYABLE
        rejected, text = response.read(reply.status, reply.headers.get("Content-Type", ""), data)
        said = f": {shown}" if (shown := self._shown(text)) else ""
        if reply.status == 200:
            if not rejected:
                return True, ""
            return True, f"{self._settings.url} rejected {rejected} data points{said} -> look into the collector's log"
        with contextlib.suppress(ValueError):
            self.waits_s = max(0.0, min(60.0, float(reply.headers.get("Retry-After", "0"))))
        remedies = REMEDIES | (JSON_REMEDIES if self._settings.is_json else {})
        remedy = remedies.get(reply.status, "look into the collector's log")
        return False, f"{self._settings.url} responded with HTTP {reply.status}{said} -> {remedy}"

    def _encoded(self, document: Mapping[str, Any]) -> bytes:
        if self._settings.is_json:
            return json.dumps(document, separators=(",", ":")).encode()
        return protobuf.encode(document)

    def _respond(self, body: bytes) -> http.client.HTTPResponse:
        if self._connection is None:
            self._connection = self._open()
        content_type = response.JSON if self._settings.is_json else response.PROTOBUF
        headers = {"Content-Type": content_type, "User-Agent": f"ddbload/{__version__}"}
        path = urlsplit(self._settings.url).path or "/"
        self._connection.request("POST", path, body, headers | self._settings.headers)
        return self._connection.getresponse()

    def _open(self) -> http.client.HTTPConnection:
        parts = urlsplit(self._settings.url)
        assert parts.hostname
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        context = ssl.create_default_context(cafile=self._settings.certificate or None)
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=context)

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _unreachable(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            why = f"no response within {TIMEOUT_S:g} s"
        else:
            why = self._shown(str(getattr(error, "strerror", "") or error)) or type(error).__name__
        return (
            f"{self._settings.url} cannot be reached: {why} -> check the URL, that the collector runs, and the "
            "network's way to it"
        )

    def _shown(self, text: str) -> str:
        """Return a collector's text as part of a line; an empty one where it repeats a secret."""
        if any(word in text for value in self._settings.headers.values() for word in value.split()):
            return ""
        printable = "".join(character if character.isprintable() else " " for character in text)
        return " ".join(printable.split())[:LONGEST_TEXT]
