# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before the embedded AWS whose stacks take their time, as AWS's do; the embedded AWS makes a stack at once.

``python tests/e2e/slow_stacks.py`` measures a fresh deploy, its stacks at the same time and one after another.
"""

from __future__ import annotations

import http.client
import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from playground import Place, free_port

# Seconds, roughly as on AWS, where a NAT gateway takes about two minutes.
TAKES = {"network": 120.0, "registry": 10.0, "table": 30.0, "cluster": 40.0, "observability": 30.0}
# Tells by a stack's component, and by when which stacks were begun, whether the stack may be done.
IsDone = Callable[[str, Mapping[str, float]], bool]
MEMBER = re.compile(r"<member>.*?</member>", re.DOTALL)


class SlowStacks(ThreadingHTTPServer):
    """The proxy.

    Attributes:
        begun: when each stack's first change set was asked for, by its component, in seconds of a monotonic clock.
        seen_done: when the caller was first told that the stack is done.

    Args:
        port: of the embedded AWS.
        is_done: tells whether a stack may be done.
    """

    daemon_threads = True

    def __init__(self, port: int, is_done: IsDone) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream, self.is_done = port, is_done
        self.begun: dict[str, float] = {}
        self.seen_done: dict[str, float] = {}

    @property
    def url(self) -> str:
        """What to call in AWS's place."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def note(self, form: Mapping[str, list[str]]) -> None:
        """Note what a request begins."""
        if form.get("Action") == ["CreateChangeSet"]:
            component = form["StackName"][0].rpartition("-")[2]
            self.begun.setdefault(component, time.monotonic())

    def told(self, form: Mapping[str, list[str]], answer: str) -> str:
        """Return what to answer instead."""
        if form.get("Action") != ["DescribeStacks"]:
            return answer
        return MEMBER.sub(lambda match: self._slowed(match[0]), answer)

    def _slowed(self, member: str) -> str:
        name = re.search(r"<StackName>([^<]*)</StackName>", member)
        component = name[1].rpartition("-")[2] if name else ""
        if component not in self.begun or "<StackStatus>CREATE_COMPLETE</StackStatus>" not in member:
            return member
        if not self.is_done(component, self.begun):
            return member.replace(">CREATE_COMPLETE<", ">CREATE_IN_PROGRESS<")
        self.seen_done.setdefault(component, time.monotonic())
        return member


class Handler(BaseHTTPRequestHandler):
    """Hands a request on."""

    protocol_version = "HTTP/1.1"
    server: SlowStacks

    def do_GET(self) -> None:
        """Hand a GET on."""
        self._hand_on()

    def do_POST(self) -> None:
        """Hand a POST on."""
        self._hand_on()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_form = "x-www-form-urlencoded" in self.headers.get("Content-Type", "")
        form = parse_qs(body.decode()) if is_form else {}
        self.server.note(form)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        try:
            # Without the proxy's own name, which the embedded AWS does not answer to.
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if is_form:
            content = self.server.told(form, content.decode()).encode()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def slow_stacks(port: int, is_done: IsDone) -> Iterator[SlowStacks]:
    """Put the proxy before an embedded AWS until the caller is done."""
    proxy = SlowStacks(port, is_done)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


@contextmanager
def slow_place(directory: Path, is_done: IsDone) -> Iterator[tuple[Place, SlowStacks]]:
    """Start an embedded AWS with the proxy before it, and stop both when the caller is done."""
    place = Place(free_port(), directory, timeout=600)
    assert place.play("playbooks/local-aws.yml").code == 0
    try:
        with slow_stacks(place.port, is_done) as proxy:
            yield place, proxy
    finally:
        place.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


def by_time(component: str, begun: Mapping[str, float]) -> bool:
    """Have each stack take its seconds."""
    return time.monotonic() >= begun[component] + TAKES[component]


def measure() -> None:
    """Print how long a fresh deploy takes, its stacks at the same time and one after another."""
    longest, total = max(TAKES.values()), sum(TAKES.values())
    print(f"the stacks take {TAKES} s: the longest {longest:g} s, all together {total:g} s")
    for wait in (False, True):
        with tempfile.TemporaryDirectory() as folder, slow_place(Path(folder), by_time) as (place, proxy):
            since = time.monotonic()
            variables = {"aws_endpoint_url": proxy.url, "stack_wait": wait}
            assert place.play("deploy.yml", "-e", json.dumps(variables)).code == 0
            how = "one after another" if wait else "at the same time"
            print(f"==> a fresh deploy with its stacks {how}: {time.monotonic() - since:.1f} s", flush=True)


if __name__ == "__main__":
    measure()
