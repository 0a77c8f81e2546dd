# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy of the embedded AWS whose stacks take as long as on AWS; the embedded AWS creates a stack at once.

``python tests/e2e/slow_stacks.py`` measures a fresh deploy of the load test, its stacks at the same time and one after
another. ``--system mcp_gateway`` measures one deploy of another system, compared with its longest chain.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

from emulator_env import ROOT, EmulatorEnv
from forwarding_proxy import Answer, ForwardingProxy, Proxy
from ports import free_port

# Seconds, about as on AWS, by a component or the start of its name.
TAKES = {
    "network": 120.0,
    "cluster": 10.0,
    "keycloak-cluster": 10.0,
    "registry": 10.0,
    "table": 30.0,
    "task": 30.0,
    "observability": 30.0,
    "keys": 20.0,
    "domain": 45.0,
    "namespace": 45.0,
    "security-groups": 30.0,
    "secrets": 15.0,
    "certificates": 120.0,
    "records": 45.0,
    "file-systems": 100.0,
    "database-": 600.0,
    "load-balancer-": 160.0,
    "service-": 120.0,
    "job-": 20.0,
    "dashboard": 10.0,
    # No stacks: a role takes the time that it needs.
    "image": 0.0,
    "parameters": 0.0,
}
LOAD_TEST = ("network", "registry", "table", "cluster", "task", "observability")
# Whether a stack may be done, by its component and the start times of the stacks.
IsDone = Callable[[str, Mapping[str, float]], bool]
MEMBER = re.compile(r"<member>.*?</member>", re.DOTALL)


class SlowStacks(Proxy):
    """The proxy.

    Attributes:
        begun: when the first change set of each stack was requested, by component, in seconds of a monotonic clock.
        seen_done: when a response first reported that the stack is done, by component, in seconds of the same clock.

    Args:
        port: of the embedded AWS.
        is_done: whether a stack may be done.
    """

    def __init__(self, port: int, is_done: IsDone) -> None:
        super().__init__(port, Handler)
        self.is_done = is_done
        self.begun: dict[str, float] = {}
        self.seen_done: dict[str, float] = {}

    def note(self, form: Mapping[str, list[str]]) -> None:
        """Note the stack that a request starts."""
        if form.get("Action") == ["CreateChangeSet"]:
            component = component_of(form["StackName"][0])
            self.begun.setdefault(component, time.monotonic())

    def rewritten(self, form: Mapping[str, list[str]], response: str) -> str:
        """Return a response in which stacks are in progress until they may be done."""
        if form.get("Action") != ["DescribeStacks"]:
            return response
        return MEMBER.sub(lambda match: self._slowed(match[0]), response)

    def _slowed(self, member: str) -> str:
        name = re.search(r"<StackName>([^<]*)</StackName>", member)
        component = component_of(name[1]) if name else ""
        if component not in self.begun or "<StackStatus>CREATE_COMPLETE</StackStatus>" not in member:
            return member
        if not self.is_done(component, self.begun):
            return member.replace(">CREATE_COMPLETE<", ">CREATE_IN_PROGRESS<")
        self.seen_done.setdefault(component, time.monotonic())
        return member


class Handler(ForwardingProxy):
    """Forwards a request."""

    server: SlowStacks

    def answered_here(self, body: bytes) -> Answer | None:
        """Note the stack that a request starts."""
        self.server.note(self._form(body))
        return None

    def rewritten(self, body: bytes, content: bytes) -> bytes:
        """Return the response with slow stacks."""
        form = self._form(body)
        return self.server.rewritten(form, content.decode()).encode() if form else content

    def _form(self, body: bytes) -> dict[str, list[str]]:
        is_form = "x-www-form-urlencoded" in self.headers.get("Content-Type", "")
        return parse_qs(body.decode()) if is_form else {}


@contextmanager
def slow_stacks(port: int, is_done: IsDone) -> Iterator[SlowStacks]:
    """Serve the proxy of an embedded AWS until the caller is done."""
    proxy = SlowStacks(port, is_done)
    with proxy.serving():
        yield proxy


@contextmanager
def slow_environment(
    directory: Path, is_done: IsDone, timeout: float = 600.0
) -> Iterator[tuple[EmulatorEnv, SlowStacks]]:
    """Start an embedded AWS and its proxy, and stop both when the caller is done.

    Args:
        directory: for the files of the embedded AWS.
        is_done: whether a stack may be done.
        timeout: seconds for a playbook.
    """
    emulator = EmulatorEnv(free_port(), directory, timeout=timeout)
    assert emulator.play("playbooks/local-aws.yml").code == 0
    try:
        with slow_stacks(emulator.port, is_done) as proxy:
            yield emulator, proxy
    finally:
        emulator.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


def component_of(stack: str) -> str:
    """Return the component of a stack of environment ``local``."""
    return stack.partition("-local-")[2]


def seconds(component: str) -> float:
    """Return the seconds that a component takes on AWS."""
    return TAKES[next(name for name in TAKES if component == name or (name[-1] == "-" and component.startswith(name)))]


def by_time(scale: float = 1.0) -> IsDone:
    """Return whether a stack has taken its seconds times ``scale``."""

    def is_done(component: str, begun: Mapping[str, float]) -> bool:
        return time.monotonic() >= begun[component] + seconds(component) * scale

    return is_done


def longest_chain(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the components of the chain that takes longest, the first to start first.

    Args:
        needs: the components that each component needs.
    """
    chains: dict[str, list[str]] = {}

    def chain_to(component: str) -> list[str]:
        if component not in chains:
            chains[component] = [*max(map(chain_to, needs[component]), key=total, default=[]), component]
        return chains[component]

    return max(map(chain_to, needs), key=total)


def total(components: Iterable[str]) -> float:
    """Return the seconds that components take on AWS, one after another."""
    return sum(map(seconds, components))


def needs_of(system: str) -> dict[str, list[str]]:
    """Return the components that each component of a system needs, from its description."""
    # Only here: the tests with plays have no collection on Python's path.
    from ansible_collections.gantry.ecs.plugins.filter.system_plan import system_plan
    from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read

    path = ROOT / "systems" / system / "system.yml"
    plan = system_plan(read(path.read_text(encoding="utf-8"), str(path)).description)
    return {name: component["needs"] for name, component in plan["components"].items()}


def measure_load_test() -> None:
    """Print how long a fresh deploy of the load test takes, its stacks at the same time and one after another."""
    takes = {component: seconds(component) for component in LOAD_TEST}
    print(f"the stacks take {takes} s: the longest {max(takes.values()):g} s, all together {total(takes):g} s")
    for wait in (False, True):
        with tempfile.TemporaryDirectory() as folder, slow_environment(Path(folder), by_time()) as (emulator, proxy):
            since = time.monotonic()
            variables = {"aws_endpoint_url": proxy.url, "stack_wait": wait}
            assert emulator.play("deploy.yml", "-e", json.dumps(variables)).code == 0
            how = "one after another" if wait else "at the same time"
            print(f"==> a fresh deploy with its stacks {how}: {time.monotonic() - since:.1f} s", flush=True)


def measure_system(system: str, scale: float) -> None:
    """Print how long a fresh deploy of a system takes, compared with its longest chain.

    Args:
        system: its name.
        scale: factor of all seconds.
    """
    needs = needs_of(system)
    chain = longest_chain(needs)
    chain_s = total(chain) * scale
    print(f"{len(needs)} components, the longest chain: {', '.join(chain)}: {chain_s:g} s", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        slow_environment(Path(folder), by_time(scale), timeout=3600) as (emulator, proxy),
    ):
        cpu, since = cpu_seconds(), time.monotonic()
        play = emulator.play("deploy.yml", "-e", json.dumps({"system": system, "aws_endpoint_url": proxy.url}))
        assert play.code == 0
        whole = time.monotonic() - since
        cpu = cpu_seconds() - cpu
        for component, begun in proxy.begun.items():
            print(f"{begun - since:7.1f} to {proxy.seen_done.get(component, since) - since:7.1f} s: {component}")
        stacks = max(proxy.seen_done.values()) - since
        print(f"==> all stacks after {stacks:.1f} s, {stacks / chain_s:.2f} of the longest chain")
        print(f"==> the deploy with its setup jobs: {whole:.1f} s, {cpu:.1f} s of CPU time of Ansible", flush=True)


def cpu_seconds() -> float:
    """Return the CPU seconds of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", default="load_test", help="system to deploy (load_test)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the seconds of another system (1)")
    options = parser.parse_args()
    if options.system == "load_test":
        measure_load_test()
    else:
        measure_system(options.system, options.scale)


if __name__ == "__main__":
    main()
