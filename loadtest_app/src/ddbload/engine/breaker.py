# SPDX-License-Identifier: Apache-2.0
"""A circuit breaker: a table that is gone is left alone, but for a probe now and then, until it answers again."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

Action = Literal["pause", "abort"]
State = Literal["closed", "open"]


class Opening(NamedTuple):
    """One time that the breaker was open; instants in nanoseconds of the caller's clock."""

    opened_ns: int
    closed_ns: int | None
    probes: int
    reason: str


class Breaker:
    """Opens after so many failures in a row, and closes again when a probe is answered.

    It has no clock: every instant is given to it, in nanoseconds of one monotonic clock. The pattern is the circuit
    breaker of M. Nygard, Release It! (2007), https://martinfowler.com/bliki/CircuitBreaker.html.

    Attributes:
        action: "pause" to send probes while it is open; "abort" where the run is to end, and no probe is sent.
        in_a_row: failures since the last answer. A success has to be told only while this is not 0, so that a healthy
            run pays one comparison an answer.
        state: "closed" or "open".
        openings: every opening, the running one last.
        probe_due_ns: when the next probe may be sent; None while closed, while a probe is under way, and with "abort".
    """

    __slots__ = ("_failures", "_interval_ns", "_probing", "action", "in_a_row", "openings", "probe_due_ns", "state")

    def __init__(self, failures: int, probe_interval_s: float, action: Action) -> None:
        """Start closed.

        Args:
            failures: so many in a row open it; at least 1.
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

    def failed(self, now_ns: int, sent_ns: int | None = None, reason: str = "") -> bool:
        """Tell of a failure of the server or of the network.

        Args:
            now_ns: when it came.
            sent_ns: when its request was sent. A failure of a request that was sent before the last opening tells
                nothing new and is passed over. Without it, any failure while a probe is under way is taken for the
                probe's.
            reason: what failed; that of the failure that opens the breaker is kept.

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
        """Tell of an answer by DynamoDB itself, throttles included; needed only while ``in_a_row`` is not 0.

        Args:
            now_ns: when it came.
            sent_ns: when its request was sent. While open only a probe's answer closes: one to a request that was sent
                before the opening may have been on its way when the table went.
        """
        if self.state == "closed":
            self.in_a_row = 0
        elif self._probing and not self._is_late(sent_ns):
            self._probing = False
            self.in_a_row = 0
            self.state = "closed"
            self.openings[-1] = self.openings[-1]._replace(closed_ns=now_ns)

    def may_probe(self, now_ns: int) -> bool:
        """Return whether one request may be sent now to see if the table is back."""
        return self.probe_due_ns is not None and now_ns >= self.probe_due_ns

    def probe_sent(self, now_ns: int) -> None:
        """Tell that the probe was sent; its end has to be told by ``failed`` or ``succeeded``.

        Raises:
            RuntimeError: no probe was due.
        """
        if not self.may_probe(now_ns):
            raise RuntimeError("no probe is due: ask may_probe first")
        self._probing = True
        self.probe_due_ns = None
        opening = self.openings[-1]
        self.openings[-1] = opening._replace(probes=opening.probes + 1)

    def paused_ns(self, now_ns: int) -> int:
        """Return for how many nanoseconds the breaker has been open in all."""
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
