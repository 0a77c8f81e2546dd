# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of Envoy: a thread that has it follow ELBv2 and Service Connect, and observes the health of targets."""

from __future__ import annotations

import copy
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from embedded_aws.front import addresses as local_addresses
from embedded_aws.front import health
from embedded_aws.front.addresses import Addresses
from embedded_aws.front.certificates import Authority
from embedded_aws.front.clusters import HEALTH_EVENTS
from embedded_aws.front.configuration import configuration, problems
from embedded_aws.front.envoy import MISSING, Envoy, replace_file
from embedded_aws.front.model import Address, Certificate, Description, Record, Target, resource_name

ENDPOINTS = "endpoints.json"
STEP_SECONDS = 0.25
PROBE_SECONDS = 0.5  # between the first health checks of a new target
RESTART_SECONDS = 1.0  # between two starts of an Envoy that ends
# Without a request until a draining target is drained: a thread of Envoy on a busy machine may send it one more.
IDLE_SECONDS = 1.0
CHECK_SECONDS = 1.0  # between two checks of the versions that Envoy has taken
EVENTS_LIMIT = 1 << 20  # bytes that the log of health check events may have
# Targets that get no request yet, by the ARN of their group.
Waiting = dict[str, set[Target]]
_log = logging.getLogger("embedded_aws.front")


@dataclass
class NewTarget:
    """A registered target, which gets no request until it passes a health check, or has failed enough of them."""

    since: float
    admitted: bool = False
    passed: bool = False
    probing: bool = False
    next_probe: float = 0.0

    def probe(self, group: Record, target: Target) -> None:
        """Send one health check, in a thread of its own."""
        self.probing = True

        def run() -> None:
            self.passed = health.passes(group, target)
            self.probing = False

        threading.Thread(target=run, name="front-probe", daemon=True).start()


class Front:
    """The load balancers and client aliases of one embedded AWS; nothing runs until the first one exists."""

    def __init__(
        self,
        program: Path | None,
        directory: Path,
        addresses: Addresses,
        describe: Callable[[], Description] = Description,
        domains: Callable[[Record], Iterable[str]] = lambda _listener: (),
    ) -> None:
        """Prepare, and start nothing.

        Args:
            program: Envoy's; None where it is not installed.
            directory: of Envoy's files; its parent keeps Envoy's pid file and log.
            addresses: where the load balancers listen.
            describe: returns what ELBv2 describes, and the client aliases of Service Connect.
            domains: returns the domain names of the certificate of an HTTPS listener.
        """
        self.addresses = addresses
        self._program, self._directory = program, directory
        self.describe, self._domains = describe, domains
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._envoy: Envoy | None = None
        self._authority: Authority | None = None
        self._draining = health.Draining()
        self._new: dict[tuple[str, Target], NewTarget] = {}
        self._files: dict[str, list[Record]] = {}
        self._logged: set[str] = set()
        self._document = ""
        self._followed: tuple[Description, Waiting, dict[str, Address], dict[str, Certificate]] | None = None
        self._next_start = self._next_check = 0.0
        self._events = 0
        self._failed: dict[tuple[str, Target], health.Failure] = {}
        self._busy: dict[tuple[str, Target], int] = {}
        self._idle: dict[tuple[str, Target], float] = {}
        self._healths: health.Healths = {}
        self._standings: dict[tuple[str, Target], health.Standing] = {}

    @property
    def is_installed(self) -> bool:
        """Whether load balancers can be served."""
        return self._program is not None

    def wake(self) -> None:
        """Follow a change of ELBv2 at once; the first call starts the thread."""
        with self._lock:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._run, name="front", daemon=True)
                self._thread.start()
        self._wake.set()

    def follow_deletion(self) -> None:
        """Follow a change at once if the thread runs; does not start it."""
        if self._thread is not None:
            self._wake.set()

    def stop(self) -> None:
        """End Envoy and the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(10)

    def health(self, group_arn: str, target: Target) -> health.TargetHealth:
        """Return the health of a registered target as it was observed last."""
        default = health.REGISTERING if self._envoy is not None else health.UNUSED
        return self._healths.get(group_arn, {}).get(target, default)

    def draining(self, group_arn: str) -> list[Target]:
        """Return the targets of a group that are being deregistered."""
        known = self._healths.get(group_arn, {})
        return [target for target, found in known.items() if found == health.DRAINING]

    def is_drained(self, group_arn: str, target_id: str) -> bool:
        """Return whether a deregistered target has no request in progress and gets no new one."""
        known = [
            (target, found) for target, found in self._healths.get(group_arn, {}).items() if target.id == target_id
        ]
        if any(found not in (health.DRAINING, health.UNUSED) for _target, found in known):
            return False
        name = resource_name(group_arn)
        return all(self._has_been_idle((name, target)) for target, found in known if found == health.DRAINING)

    def is_ready(self, alias: str, target: Target) -> bool:
        """Return whether a task behind a client alias gets requests: its port has accepted a connection."""
        return self._standings.get((alias, target)) is health.Standing.READY

    def has_left(self, alias: str, target: Target, *, is_idle: bool) -> bool:
        """Return whether a task behind a client alias gets no new connection.

        Args:
            alias: the name of the client alias for Envoy.
            target: of the task.
            is_idle: whether it must have no request in progress either.
        """
        if (key := (alias, target)) not in self._standings:
            return True
        return self._standings[key] is health.Standing.DRAINING and (not is_idle or self._has_been_idle(key))

    def _has_been_idle(self, key: tuple[str, Target]) -> bool:
        return time.monotonic() - self._idle.get(key, math.inf) >= IDLE_SECONDS

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                description = self.describe()
                if description.load_balancers or description.endpoints:
                    self._step(description, time.monotonic())
                else:
                    self._end()
            except Exception as error:
                # The thread goes on, since the next change may be followed; the same fault is logged once.
                if (fault := repr(error)) not in self._logged:
                    self._logged.add(fault)
                    _log.exception("Envoy could not follow a change")
            # Without a load balancer or a client alias, nothing is observed.
            self._wake.wait(STEP_SECONDS if self._envoy is not None else None)
        self._end()

    def _step(self, description: Description, now: float) -> None:
        envoy = self._running(now)
        described = replace(description, draining=self._draining.update(description, now))
        waiting = self._waiting(described, now)
        wanted = described, waiting, self.addresses.assign(described), self._certificates(described)
        # Most steps find nothing new.
        if wanted != self._followed:
            self._follow(envoy, *wanted)
            # ELBv2 may change its records in place.
            self._followed = copy.deepcopy(wanted)
        elif now > self._next_check:
            self._next_check = now + CHECK_SECONDS
            envoy.repair()
        self._observe(envoy, described, waiting)

    def _follow(
        self,
        envoy: Envoy,
        described: Description,
        waiting: Waiting,
        found: dict[str, Address],
        certificates: dict[str, Certificate],
    ) -> None:
        """Have Envoy follow a change, and write down where the load balancers are."""
        targets = {
            arn: [target for target in known if target not in waiting.get(arn, ())]
            for arn, known in described.targets.items()
        }
        files = configuration(replace(described, targets=targets), found, certificates, self._directory)
        if files != self._files:
            self._report(f"Envoy has not taken {name}; see envoy.log" for name in envoy.publish(files))
            self._files = files
        self._report(f"The load balancers do not follow {problem}" for problem in problems(described))
        authority = self._authority.path if self._authority is not None else ""
        document = json.dumps(local_addresses.document(described, found, str(authority)), indent=2)
        if document != self._document:
            replace_file(self._directory / ENDPOINTS, document)
            self._document = document

    def _running(self, now: float) -> Envoy:
        if self._envoy is None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._program is None:
                raise FileNotFoundError(MISSING)
            above = self._directory.parent
            self._envoy = Envoy(self._program, self._directory, above / "envoy.pid", above / "envoy.log")
        if not self._envoy.running and now >= self._next_start:
            if self._next_start:
                _log.warning("Envoy has ended, and is started again; see envoy.log")
            self._next_start = now + RESTART_SECONDS
            self._envoy.start()
        return self._envoy

    def _end(self) -> None:
        if self._envoy is not None:
            self._envoy.close()
            (self._directory / ENDPOINTS).unlink(missing_ok=True)
        self._envoy, self._files, self._document, self._followed, self._next_start = None, {}, "", None, 0.0
        self._healths, self._busy, self._idle, self._standings = {}, {}, {}, {}

    def _waiting(self, description: Description, now: float) -> Waiting:
        """Return the targets that get no request yet, by the ARN of their group.

        A new target is healthy once it passes one health check. Envoy fails it at its first failed one, and then
        demands as many passed ones as of a target that has become unhealthy.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
        """
        waiting: Waiting = {}
        registered = set()
        for group in description.used_groups():
            arn = group["TargetGroupArn"]
            limit = int(group.get("UnhealthyThresholdCount", 2)) * float(group.get("HealthCheckIntervalSeconds", 30))
            for target in description.targets.get(arn, []):
                registered.add((arn, target))
                new = self._new.setdefault((arn, target), NewTarget(now))
                new.admitted = new.admitted or new.passed or now - new.since >= limit
                if new.admitted:
                    continue
                waiting.setdefault(arn, set()).add(target)
                if not new.probing and now >= new.next_probe:
                    new.next_probe = now + PROBE_SECONDS
                    new.probe(group, target)
        self._new = {key: new for key, new in self._new.items() if key in registered}
        return waiting

    def _certificates(self, description: Description) -> dict[str, Certificate]:
        found = {}
        for _balancer, listener in description.served():
            if listener["Protocol"] == "HTTPS":
                self._authority = self._authority or Authority(self._directory)
                names = [*self._domains(listener), self.addresses.host(listener["LoadBalancerArn"])]
                found[listener["ListenerArn"]] = self._authority.certificate(names)
        return found

    def _observe(self, envoy: Envoy, description: Description, waiting: Waiting) -> None:
        self._read_events()
        try:
            clusters = json.loads(envoy.get("/clusters?format=json"))
        except (OSError, ValueError):
            clusters = None
        self._healths = health.observed(description, waiting, clusters, self._failed)
        # What was not observed has not changed: a target that had a request may still have it.
        if clusters is not None:
            self._busy, now = health.busy(clusters), time.monotonic()
            self._idle = {key: self._idle.get(key, now) for key, count in self._busy.items() if not count}
            self._standings = health.standings(description.endpoints, clusters)
        for key in (key for key, standing in self._standings.items() if standing is not health.Standing.DRAINING):
            self._idle.pop(key, None)
        for arn, healths in self._healths.items():
            for target in (target for target, found in healths.items() if found != health.DRAINING):
                self._idle.pop((resource_name(arn), target), None)
            for target in (target for target, found in healths.items() if found == health.HEALTHY):
                self._failed.pop((resource_name(arn), target), None)

    def _read_events(self) -> None:
        path = self._directory / HEALTH_EVENTS
        if not path.exists():
            return
        with path.open("r+b") as file:
            file.seek(self._events)
            content = file.read()
            complete = content[: content.rfind(b"\n") + 1]
            self._events += len(complete)
            if self._events > EVENTS_LIMIT:
                file.truncate(0)  # Envoy appends, so it goes on at the start
                self._events = 0
        self._failed |= health.failures(complete.decode().splitlines())

    def _report(self, lines: Iterable[str]) -> None:
        for line in lines:
            if line not in self._logged:
                self._logged.add(line)
                _log.warning("%s", line)
