# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before the embedded AWS whose stacks take their time, as AWS's do; the embedded AWS makes a stack at once.

``python tests/e2e/slow_stacks.py`` measures a fresh deploy, its stacks at the same time and one after another.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

from handing_on import Answer, HandingOn, Proxy
from playground import Place, free_port

# Seconds, roughly as on AWS, where a NAT gateway takes about two minutes.
TAKES = {"network": 120.0, "registry": 10.0, "table": 30.0, "cluster": 40.0, "observability": 30.0}
# Tells by a stack's component, and by when which stacks were begun, whether the stack may be done.
IsDone = Callable[[str, Mapping[str, float]], bool]
MEMBER = re.compile(r"<member>.*?</member>", re.DOTALL)


class SlowStacks(Proxy):
    """The proxy.

    Attributes:
        begun: when each stack's first change set was asked for, by its component, in seconds of a monotonic clock.
        seen_done: when the caller was first told that the stack is done.

    Args:
        port: of the embedded AWS.
        is_done: tells whether a stack may be done.
    """

    def __init__(self, port: int, is_done: IsDone) -> None:
        super().__init__(port, Handler)
        self.is_done = is_done
        self.begun: dict[str, float] = {}
        self.seen_done: dict[str, float] = {}

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


class Handler(HandingOn):
    """Hands a request on."""

    server: SlowStacks

    def answered_here(self, body: bytes) -> Answer | None:
        """Note what a request begins."""
        self.server.note(self._form(body))
        return None

    def told(self, body: bytes, content: bytes) -> bytes:
        """Slow the stacks."""
        form = self._form(body)
        return self.server.told(form, content.decode()).encode() if form else content

    def _form(self, body: bytes) -> dict[str, list[str]]:
        is_form = "x-www-form-urlencoded" in self.headers.get("Content-Type", "")
        return parse_qs(body.decode()) if is_form else {}


@contextmanager
def slow_stacks(port: int, is_done: IsDone) -> Iterator[SlowStacks]:
    """Put the proxy before an embedded AWS until the caller is done."""
    proxy = SlowStacks(port, is_done)
    with proxy.serving():
        yield proxy


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
