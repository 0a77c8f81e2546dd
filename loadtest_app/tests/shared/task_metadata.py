# SPDX-License-Identifier: Apache-2.0
"""ECS's metadata endpoint of a task: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def metadata(task: str, vcpu: float | None = None, memory_mb: int = 2048) -> Iterator[str]:
    """Serve what ECS says of a task to its containers; yields the value of ECS_CONTAINER_METADATA_URI_V4.

    Args:
        task: its id.
        vcpu: its CPUs; None says nothing of its size, so that its time costs nothing.
        memory_mb: its memory.
    """
    limits = {} if vcpu is None else {"Limits": {"CPU": vcpu, "Memory": memory_mb}}
    arn = f"arn:aws:ecs:us-east-1:123456789012:task/cluster/{task}"
    document = json.dumps({"TaskARN": arn, **limits}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
