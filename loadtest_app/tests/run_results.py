# SPDX-License-Identifier: Apache-2.0
"""Results files with given latencies, for tests of their display."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ddbload.results.file import SCHEMA
from ddbload.stats.histogram import Histogram
from results.test_merge import figures
from run.test_progress import Counted

# One second: by operation, the microseconds of its responses.
Second = Mapping[str, Sequence[int]]
SCENARIO: dict[str, Any] = {
    "table": "test-table",
    "plan": {"type": "constant_rate", "rate": 100.0, "duration": 60.0},
    "mix": {"put": {"operation": "put", "weight": 1}},
    "max_cost": 20.0,
}
TABLE: dict[str, Any] = {
    "name": "test-table",
    "billing_mode": "PROVISIONED",
    "key_schema": [{"name": "pk", "type": "S"}],
    "indexes": [],
    "item_count": 0,
    "provisioned": {"read_units": 50, "write_units": 120},
    "warm_throughput": None,
}


def made(
    seconds: Sequence[Second], run_id: str = "run-1", throttled: Sequence[Mapping[str, int]] = (), **more: Any
) -> dict[str, Any]:
    """Return the results of a run with these latencies and throttles, second by second."""
    engine, series = Counted(), []
    for at, second in enumerate(seconds):
        refused = dict(throttled[at]) if at < len(throttled) else {}
        for name, times in second.items():
            record = engine.recorder.records[name]
            record.sent += len(times)
            record.latency["ok"].add(Histogram.from_values(times))
            record.service["ok"].add(Histogram.from_values(times))
        put = engine.recorder.records["put"]
        put.sent += sum(refused.values())
        for reason, count in refused.items():
            for _number in range(count):
                put.ended("throttled", reason, 1000, 1000)
        series.append(_second(at + 1, second, refused))
    engine.planned = sum(record.sent for record in engine.recorder.records.values())
    document = {
        "schema": SCHEMA,
        "run_id": run_id,
        "verdict": "passed",
        "exit_code": 0,
        "version": "0.0.0",
        "endpoint": "https://example.invalid",
        "region": "us-east-1",
        "scenario": SCENARIO,
        "table": TABLE,
        "tasks": [{"task_id": "task-0", "worker": 0, "exit_code": 0, "hardware": None}],
        "failures": [],
        "thresholds": [{"expression": "put.p99 < 1s", "value": 1.5, "unit": "ms", "passed": True}],
        "series": series,
    }
    cost = {"prices_of": "2026-01-31"}
    found = document | figures(engine) | {"elapsed_s": float(len(seconds)), "connections": [{"opened": 1}]}
    return found | {"cost": found["cost"] | cost} | more


def steady(
    mean_us: float, seed: int, count: int = 60, answers: int = 40, memory: float = 0.0, spread: float = 0.1
) -> list[Second]:
    """Return seconds with latencies around a mean, each with this correlation to the second before."""
    chance = random.Random(seed)
    seconds, level = [], chance.gauss(0.0, 1.0)
    for _number in range(count):
        level = memory * level + (1 - memory**2) ** 0.5 * chance.gauss(0.0, 1.0)
        times = [
            int(mean_us * 2.718281828 ** (spread * level + 0.2 * chance.gauss(0.0, 1.0))) for _at in range(answers)
        ]
        seconds.append({"put": times})
    return seconds


def _second(number: int, second: Second, throttled: Mapping[str, int]) -> dict[str, Any]:
    ok = sum(len(times) for times in second.values())
    sent = ok + sum(throttled.values())
    together = Histogram.from_values(time for times in second.values() for time in times)
    counts = Counter(planned=sent, sent=sent, ok=ok)
    names = ("planned", "sent", "ok", "expected", "contention", "cancelled", "failed", "items_unprocessed", "retried")
    return {
        "elapsed_s": number,
        **{name: counts[name] for name in names},
        "throttled": dict(throttled),
        "consumed_read_units": 0.0,
        "consumed_write_units": float(ok),
        "indexes": {},
        "rate": float(sent),
        "late_ms_max": 0.5,
        "p50_ms": together.percentile(50) / 1000,
        "p99_ms": together.percentile(99) / 1000,
        "max_ms": together.maximum() / 1000,
        "histograms": {name: Histogram.from_values(times) for name, times in second.items() if times},
        "service_histogram": together,
    }
