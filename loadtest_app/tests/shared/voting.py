# SPDX-License-Identifier: Apache-2.0
"""Votes of workers on a trial, computed from their operations."""

from collections.abc import Sequence
from typing import Any

from ddbload.engine.record import Recorder
from ddbload.run.search import votes
from ddbload.run.search.votes import Vote
from ddbload.stats.histogram import slot_of


def voted(latencies_us: Sequence[int], throttled: int = 0, seconds: float = 1.0, **changed: Any) -> Vote:
    """Return a worker's vote on operations with these latencies, and a number of throttles."""
    record = Recorder(["put"]).records["put"]
    for latency in latencies_us:
        record.latency_ok[slot_of(latency)] += 1
        record.service_ok[slot_of(latency)] += 1
    for _operation in range(throttled):
        record.ended("throttled", "R", 1000, 1000)
    record.sent = len(latencies_us) + throttled
    plan = {
        "rate_asked": record.sent / seconds,
        "rate_reached": record.sent / seconds,
        "planned": record.sent,
        "sent": record.sent,
        "never_sent": 0,
        "passed_over": 0,
        "late_ms": {"p50": 0.0, "p99": 0.1, "max": 0.2},
        "busy": 0.3,
        "kept": True,
    }
    figures = {"plan": plan, "operations": {"put": record.summary(seconds, None)}}
    return votes.vote(figures | dict.fromkeys(("cost", "breaker", "duplicates")), "", False, "")._replace(**changed)
