# SPDX-License-Identifier: Apache-2.0
"""The progress of a task's processes, merged into one line a second without loss."""

from collections.abc import Sequence
from typing import Any

import pytest
from ddbload.results.merging.logs import Name
from ddbload.results.merging.series import Series
from ddbload.run.workers.progress import MergedProgress
from ddbload.stats.histogram import Histogram
from hypothesis import given
from hypothesis import strategies as st

TOTAL = ("planned", "sent", "ok", "expected", "throttled", "contention", "cancelled", "failed")
Event = dict[str, Any]


def interval(sent: int, latencies_us: Sequence[int], seconds: float = 1.0) -> dict[str, Any]:
    counts = dict.fromkeys((*TOTAL, "items_unprocessed", "retried", "consumed_read_units", "consumed_write_units"), 0)
    latency = Histogram.from_values(latencies_us)
    return counts | {
        "sent": sent,
        "ok": len(latencies_us),
        "throttled": {},
        "indexes": {},
        "rate": len(latencies_us) / seconds,
        "seconds": seconds,
        "late_ms_max": 0.5,
        "histograms": {"put": latency},
        "service_histogram": latency,
    }


def line(worker: int, elapsed_s: float, sent: int = 10, total: int = 10, latencies_us: Sequence[int] = ()) -> Event:
    return {
        "event": "run.progress",
        "ts": f"2026-01-01T00:00:{elapsed_s:06.3f}Z",
        "task_id": "task",
        "worker": worker,
        "elapsed_s": elapsed_s,
        "planned_duration_s": 10.0,
        "planned_operations": 100,
        "warming_up": False,
        "interval": interval(sent, latencies_us),
        "total": dict.fromkeys(TOTAL, 0) | {"sent": total},
        "in_flight": 1,
    }


def test_a_second_waits_for_all_workers_and_is_their_sum() -> None:
    merged = MergedProgress([4, 5])
    assert merged.take(line(4, 1.001, sent=10, total=30, latencies_us=[1000] * 99)) == []
    (second,) = merged.take(line(5, 1.004, sent=12, total=31, latencies_us=[50_000] * 3))
    assert (second["workers"], second["elapsed_s"], second["ts"]) == ([4, 5], 1.004, "2026-01-01T00:00:01.004Z")
    assert (second["interval"]["sent"], second["interval"]["rate"], second["interval"]["seconds"]) == (22, 102.0, 1.0)
    # Of 102 responses, the slowest three are one worker's: neither worker has this percentile.
    assert second["interval"]["p50_ms"] < 1.1 and 49 < second["interval"]["p99_ms"] < 51
    assert (second["total"]["sent"], second["in_flight"]) == (61, 2)
    assert (second["planned_operations"], second["planned_duration_s"]) == (200, 10.0)


def test_a_worker_a_second_behind_is_not_awaited() -> None:
    merged = MergedProgress([0, 1])
    assert merged.take(line(0, 1.0)) == []
    (first,) = merged.take(line(0, 2.0))
    assert (first["elapsed_s"], first["total"]["sent"]) == (1.0, 10)
    (second,) = merged.take(line(1, 2.1, sent=20, total=20))
    assert (second["elapsed_s"], second["interval"]["sent"], second["total"]["sent"]) == (2.1, 30, 30)


def test_a_worker_after_its_load_is_not_awaited() -> None:
    merged = MergedProgress([0, 1])
    merged.take(line(0, 1.0, total=7))
    (first,) = merged.end(1)
    assert first["total"]["sent"] == 7
    (second,) = merged.take(line(0, 2.0, total=9))
    assert second["total"]["sent"] == 9
    assert merged.end(0) == []


@pytest.mark.parametrize("field", ["planned_operations", "planned_duration_s"])
def test_a_figure_that_one_worker_lacks_is_unknown(field: str) -> None:
    merged = MergedProgress([0, 1])
    merged.take(line(0, 1.0) | {field: None})
    (second,) = merged.take(line(1, 1.0))
    assert second[field] is None


@given(
    st.lists(st.lists(st.integers(0, 50), max_size=6), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_no_count_is_lost_in_any_order_of_lines(sent: list[list[int]], chance: Any) -> None:
    """The merged lines together have all counts of the workers, in any order of reports and ends."""
    waiting = {
        worker: [line(worker, second + 1.0, count, sum(counts[: second + 1])) for second, count in enumerate(counts)]
        for worker, counts in enumerate(sent)
    }
    merged = MergedProgress(waiting)
    lines: list[dict[str, Any]] = []
    while waiting:
        worker = chance.choice(sorted(waiting))
        if waiting[worker]:
            lines += merged.take(waiting[worker].pop(0))
        else:
            del waiting[worker]
            lines += merged.end(worker)
    series = Series()
    for each in lines:
        series.add(Name(None, 0), 0.0, each["elapsed_s"], each["interval"])
    together = series.documents({})
    assert sum(second["sent"] for second in together) == sum(map(sum, sent))
    if lines:
        assert lines[-1]["total"]["sent"] == sum(map(sum, sent))
