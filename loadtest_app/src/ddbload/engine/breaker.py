# SPDX-License-Identifier: Apache-2.0
"""A circuit breaker: while a table fails, the run sends probes only, until one succeeds."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from ddbload.scenario.sections import BreakerRules

Action = Literal["pause", "abort"]
State = Literal["closed", "open"]


class Opening(NamedTuple):
    """One period in which the breaker was open; instants in nanoseconds of the caller's clock."""

    opened_ns: int
    closed_ns: int | None
    probes: int
    reason: str


class Breaker:
    """Opens after a number of failures in a row, and closes again when a probe succeeds.

    It has no clock: the caller passes every instant, in nanoseconds of one monotonic clock. The pattern is the circuit
    breaker of M. Nygard, Release It! (2007), https://martinfowler.com/bliki/CircuitBreaker.html.

    Attributes:
        action: "pause": probes are sent while it is open; "abort": the run ends, and no probe is sent.
        in_a_row: failures since the last success. ``succeeded`` has to be called only while this is not 0, so that a
            healthy run pays one comparison a response.
        state: "closed" or "open".
        openings: every opening, the present one last.
        probe_due_ns: when the next probe may be sent; None while closed, while a probe is under way, and with "abort".
    """

    __slots__ = ("_failures", "_interval_ns", "_probing", "action", "in_a_row", "openings", "probe_due_ns", "state")

    def __init__(self, failures: int, probe_interval_s: float, action: Action) -> None:
        """Start closed.

        Args:
            failures: how many in a row open it; at least 1.
            probe_interval_s: seconds from the opening to the first probe, and from a failed probe to the next; above 0.
            action: "pause" or "abort".

        Raises:
            ValueError: one of them is out of its range.
        """
        if failures < 1:
            raise ValueError(f"a breaker opens after at least 1 failure in a row, got {failures}")
        if not (math.isfinite(probe_interval_s) and probe_interval_s > 0):
            raise ValueError(f"a breaker's probes must be more than 0 seconds apart, got {probe_interval_s}")
        if action not in ("pause", "abort"):
            raise ValueError(f'a breaker can "pause" or "abort", got "{action}"')
        self.action: Action = action
        self.in_a_row = 0
        self.state: State = "closed"
        self.openings: list[Opening] = []
        self.probe_due_ns: int | None = None
        self._failures = failures
        self._interval_ns = max(1, round(probe_interval_s * 1e9))
        self._probing = False

    @classmethod
    def by_rules(cls, rules: BreakerRules) -> Breaker | None:
        """Return the breaker of a scenario; None where no number of failures opens it."""
        if not rules.failures:
            return None
        return cls(rules.failures, rules.probe_interval, "abort" if rules.action == "abort" else "pause")

    def failed(self, now_ns: int, sent_ns: int | None = None, reason: str = "") -> bool:
        """Note a failure of the server or of the network.

        Args:
            now_ns: when it came.
            sent_ns: when its request was sent. A failure of a request that was sent before the last opening is
                ignored. Without it, any failure while a probe is under way counts as the probe's.
            reason: what failed; the breaker keeps the reason of the failure that opens it.

        Returns:
            Whether this failure opened the breaker.
        """
        if self._is_late(sent_ns):
            return False
        if self.state == "open":
            if self._probing:
                self._probing = False
                self.probe_due_ns = now_ns + self._interval_ns
            return False
        self.in_a_row += 1
        if self.in_a_row < self._failures:
            return False
        self.state = "open"
        self.openings.append(Opening(now_ns, None, 0, reason))
        if self.action == "pause":
            self.probe_due_ns = now_ns + self._interval_ns
        return True

    def succeeded(self, now_ns: int, sent_ns: int | None = None) -> None:
        """Note a response of DynamoDB itself, throttles included; needed only while ``in_a_row`` is not 0.

        Args:
            now_ns: when it came.
            sent_ns: when its request was sent. Only the response to a probe closes the breaker: one to an earlier
                request may have been on its way when the table failed.
        """
        if self.state == "closed":
            self.in_a_row = 0
        elif self._probing and not self._is_late(sent_ns):
            self._probing = False
            self.in_a_row = 0
            self.state = "closed"
            self.openings[-1] = self.openings[-1]._replace(closed_ns=now_ns)

    def may_probe(self, now_ns: int) -> bool:
        """Return whether one request may be sent now as a probe."""
        return self.probe_due_ns is not None and now_ns >= self.probe_due_ns

    def probe_sent(self, now_ns: int) -> None:
        """Note that the probe was sent; ``failed`` or ``succeeded`` must be called at its end.

        Raises:
            RuntimeError: no probe was due.
        """
        if not self.may_probe(now_ns):
            raise RuntimeError("no probe is due: call may_probe first")
        self._probing = True
        self.probe_due_ns = None
        opening = self.openings[-1]
        self.openings[-1] = opening._replace(probes=opening.probes + 1)

    def paused_ns(self, now_ns: int) -> int:
        """Return how long the breaker has been open in all, in nanoseconds."""
        return sum(
            (now_ns if closed is None else closed) - opened for opened, closed, _probes, _reason in self.openings
        )

    def document(self, now_ns: int, start_ns: int) -> dict[str, Any]:
        """Sum it up for the results.

        Args:
            now_ns: the present instant, or the end of the run.
            start_ns: the start of the run, from which instants are counted.

        Returns:
            ``action``, ``paused_s`` and ``openings``, each ``{opened_s, closed_s, probes, reason}`` in seconds from
            the start; ``closed_s`` is None where the breaker is still open.
        """
        return {
            "action": self.action,
            "paused_s": self.paused_ns(now_ns) / 1e9,
            "openings": [
                {
                    "opened_s": (opened - start_ns) / 1e9,
                    "closed_s": None if closed is None else (closed - start_ns) / 1e9,
                    "probes": probes,
                    "reason": reason,
                }
                for opened, closed, probes, reason in self.openings
            ],
        }

    def _is_late(self, sent_ns: int | None) -> bool:
        return sent_ns is not None and bool(self.openings) and sent_ns <= self.openings[-1].opened_ns
