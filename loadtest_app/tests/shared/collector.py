# SPDX-License-Identifier: Apache-2.0
"""Stands in for a collector of OpenTelemetry: its messages are OpenTelemetry's own, its network is this server's."""

from __future__ import annotations

import gzip
import json
import threading
import time
import zlib
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

PATIENCE_S = 20.0
JSON, PROTOBUF = "application/json", "application/x-protobuf"


def _status() -> Any:
    """Return google.rpc.Status, which is in no package that the tests have.

    https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto
    """
    file = descriptor_pb2.FileDescriptorProto(name="status.proto", package="google.rpc", syntax="proto3")
    message, of = file.message_type.add(name="Status"), descriptor_pb2.FieldDescriptorProto
    message.field.add(name="code", number=1, type=of.TYPE_INT32, label=of.LABEL_OPTIONAL)
    message.field.add(name="message", number=2, type=of.TYPE_STRING, label=of.LABEL_OPTIONAL)
    # A message is encoded as bytes are.
    message.field.add(name="details", number=3, type=of.TYPE_BYTES, label=of.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("google.rpc.Status"))


Status = _status()


class Request(NamedTuple):
    """One request: its path, headers, and message."""

    path: str
    headers: Message
    message: Any

    @property
    def resource(self) -> dict[str, Any]:
        """The resource's attributes."""
        (part,) = self.message.resource_metrics
        return attributes(part.resource)

    def metric(self, name: str) -> Any:
        """Return a metric."""
        (part,) = self.message.resource_metrics
        (scope,) = part.scope_metrics
        (found,) = [metric for metric in scope.metrics if metric.name == name]
        return found

    def total(self, name: str) -> float:
        """Return the sum of a counter's points."""
        return sum(point.as_int + point.as_double for point in self.metric(name).sum.data_points)


def attributes(part: Any) -> dict[str, Any]:
    """Return the attributes of a resource or a point, by name."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in part.attributes}


def read(document: Any) -> Any:
    """Read a request's JSON as OpenTelemetry's message.

    Raises:
        json_format.ParseError: it has a field or a value that the message does not know.
    """
    return json_format.ParseDict(document, ExportMetricsServiceRequest())


class Collector:
    """A server for a ``with``, which keeps what it is sent.

    Attributes:
        status, headers: of its responses.
        body: of its responses: bytes as they are, or what is encoded as the request was.
        delay_s: seconds before each response.
        requests: what was sent, in order; malformed requests get the status 400 and are not in it.
    """

    def __init__(self, status: int = 200, body: object = None, delay_s: float = 0.0) -> None:
        self.status, self.body, self.delay_s = status, body or {}, delay_s
        self.headers: dict[str, str] = {}
        self.requests: list[Request] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                status = collector.take(self.path, self.headers, data)
                time.sleep(collector.delay_s)
                self.send_response(status)
                kind = self.headers["Content-Type"]
                body = collector.encoded(kind)
                for name, value in ({"Content-Type": kind} | collector.headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def take(self, path: str, headers: Message, data: bytes) -> int:
        """Read a request; return the status of its response."""
        if headers["Content-Type"] not in (JSON, PROTOBUF):
            return 415
        try:
            if headers["Content-Encoding"] == "gzip":
                data = gzip.decompress(data)
            is_json = headers["Content-Type"] == JSON
            message = read(json.loads(data)) if is_json else ExportMetricsServiceRequest.FromString(data)
        except (OSError, EOFError, zlib.error, ValueError, json_format.ParseError, DecodeError):
            return 400
        self.requests.append(Request(path, headers, message))
        return self.status

    def encoded(self, content_type: str) -> bytes:
        """Return the body of a response to a request of that type."""
        if isinstance(self.body, bytes):
            return self.body
        if content_type == JSON:
            return json.dumps(self.body).encode()
        message = ExportMetricsServiceResponse() if self.status == 200 else Status()
        data: bytes = json_format.ParseDict(self.body, message).SerializeToString()
        return data

    def wait_for(self, count: int) -> None:
        """Wait until so many requests have come.

        Raises:
            TimeoutError: they have not.
        """
        until = time.monotonic() + PATIENCE_S
        while len(self.requests) < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{len(self.requests)} of {count} requests came")
            time.sleep(0.01)

    def __enter__(self) -> Collector:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
