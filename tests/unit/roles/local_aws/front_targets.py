# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small HTTP servers as targets of the load balancers under test, and target groups for them."""

from __future__ import annotations

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from embedded_aws.front.model import Target

NO_DOCKER = {"DOCKER_HOST": "unix:///nonexistent.sock", "PATH": os.environ["PATH"]}
FAST = {
    "HealthCheckPath": "/health",
    "HealthCheckIntervalSeconds": 5,
    "HealthCheckTimeoutSeconds": 2,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 2,
}


class Server(ThreadingHTTPServer):
    """A target: responds with its name and the request's headers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name: str, port: int = 0, address: str = "127.0.0.1") -> None:
        super().__init__((address, port), Handler)
        self.name, self.status, self.seconds = name, 200, 0.0
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def target(self) -> Target:
        """Address and port."""
        return Target(str(self.server_address[0]), self.server_port)

    def end(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request to a target."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # else headers and body are two packets, and the second waits for the first one's acknowledgement
    server: Server

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.wfile.flush()
            self.wfile.write(self.rfile.read(4).upper())
            self.close_connection = True
            return
        if self.path == "/reset":
            self.connection.close()
            self.close_connection = True
            return
        if self.path == "/slow":
            time.sleep(self.server.seconds)
        body = json.dumps({"name": self.server.name, "path": self.path, "headers": dict(self.headers.items())}).encode()
        self.send_response(self.server.status if self.path == "/health" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def states(elb: Any, arn: str) -> dict[int, tuple[str, str | None]]:
    """Return state and reason of each target of a group, by port."""
    found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {one["Target"]["Port"]: (one["TargetHealth"]["State"], one["TargetHealth"].get("Reason")) for one in found}


def make_group(elb: Any, name: str) -> str:
    """Create a target group with fast checks and a short deregistration delay; returns its ARN."""
    made = elb.create_target_group(Name=name, Port=80, Protocol="HTTP", VpcId="vpc-1", TargetType="ip", **FAST)
    arn: str = made["TargetGroups"][0]["TargetGroupArn"]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "2"}]
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
    return arn
