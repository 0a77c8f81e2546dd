# SPDX-License-Identifier: Apache-2.0
"""Adds the figures of a run's workers up: counts and histograms without loss, percentiles computed anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ddbload.engine.record import milliseconds
from ddbload.stats.histogram import Histogram
from ddbload.verify.judge import Tally

Document = dict[str, Any]
Part = Mapping[str, Any]
DUPLICATES = ("sent", "refused", "accepted", "unanswered", "originals_refused")


def plans(parts: Sequence[Part]) -> Document | None:
    """Add plans up; a worker's lateness is its own, and the latest worker's stands for all."""
    if not parts:
        return None
    busy = [part["busy"] for part in parts if part["busy"] is not None]
    return {
        "rate_asked": _all_or_none(parts, "rate_asked"),
        "rate_reached": round(sum(part["rate_reached"] for part in parts), 3),
        **_sums(parts, "planned", "sent", "never_sent", "passed_over"),
        "late_ms": {name: max(part["late_ms"][name] for part in parts) for name in ("p50", "p99", "max")},
        "busy": max(busy, default=None),
        "kept": all(part["kept"] for part in parts),
    }


def operations(parts: Sequence[Mapping[str, Part]]) -> Document:
    """Add the figures of each operation up."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: _operation([part[name] for part in parts if name in part]) for name in names}


def _operation(parts: Sequence[Part]) -> Document:
    histograms: dict[str, dict[str, Histogram]] = {}
    for part in parts:
        for outcome, kinds in part["histograms"].items():
            for kind, text in kinds.items():
                histograms.setdefault(outcome, {}).setdefault(kind, Histogram()).add(Histogram.decode(text))
    ok = histograms.get("ok", {})
    items = [part["items"] for part in parts]
    attempts = [part["attempts"] for part in parts]
    back_offs = [attempt["back_off_ms"] for attempt in attempts if attempt["back_off_ms"]]
    return {
        **_sums(parts, "sent", "ok", "expected", "contention", "found", "consumed_read_units", "consumed_write_units"),
        **{name: _by_reason(parts, name) for name in ("throttled", "cancelled", "failed")},
        "items": _sums(items, "ok", "unprocessed"),
        "attempts": {
            "retried": _by_reason(attempts, "retried"),
            "back_off_ms": _largest(back_offs),
        },
        "indexes": indexes([part["indexes"] for part in parts]),
        "rate_asked": _all_or_none(parts, "rate_asked"),
        "rate_reached": round(sum(part["rate_reached"] for part in parts), 3),
        "latency_ms": milliseconds(ok["latency"]) if ok else None,
        "service_ms": milliseconds(ok["service"]) if ok else None,
        "histograms": {
            outcome: {kind: histogram.encode() for kind, histogram in kinds.items()}
            for outcome, kinds in histograms.items()
        },
    }


def indexes(parts: Sequence[Mapping[str, Part]]) -> Document:
    """Add up what the secondary indexes consumed."""
    names = sorted({name for part in parts for name in part})
    units = ("consumed_read_units", "consumed_write_units")
    return {name: _sums([part[name] for part in parts if name in part], *units) for name in names}


def verifications(parts: Sequence[Part | None]) -> Document | None:
    """Add up what was found when the keys were read again; None where nobody read any."""
    known = [part for part in parts if part]
    if not known:
        return None
    tally = Tally()
    for part in known:
        tally.merge(Tally.from_document(part))
    return {
        **tally.document(),
        **_sums(known, "keys", "consumed_read_units"),
        "share": min(part["share"] for part in known),
        "complete": len(known) == len(parts) and all(part["complete"] for part in known),
        **_errors(known),
    }


def cleanups(parts: Sequence[Part | None]) -> Document | None:
    """Add up what was deleted."""
    known = [part for part in parts if part]
    if not known:
        return None
    complete = len(known) == len(parts) and all(part["complete"] for part in known)
    return {**_sums(known, "deleted", "consumed_write_units"), "complete": complete} | _errors(known)


def breakers(parts: Sequence[Part | None]) -> Document | None:
    """Put the openings of the workers' breakers together; the longest pause of a worker stands for all."""
    known = [part for part in parts if part]
    if not known:
        return None
    openings = [opening for part in known for opening in part["openings"]]
    return {
        "action": known[0]["action"],
        "paused_s": max(part["paused_s"] for part in known),
        "openings": sorted(openings, key=lambda opening: float(opening["opened_s"])),
    }


def duplicates(parts: Sequence[Part | None]) -> Document | None:
    """Add up what became of the duplicates."""
    known = [part for part in parts if part]
    # Events of earlier versions have fewer of them.
    names = [name for name in DUPLICATES if all(name in part for part in known)]
    return _sums(known, *names) if known else None


def keys(parts: Sequence[Part | None]) -> Document | None:
    """Add up what the workers know of the keys that they wrote; None where one of them was cut off."""
    known = [part for part in parts if part]
    if not known or len(known) < len(parts):
        return None
    return {**_sums(known, "acknowledged", "indeterminate", "refused"), "below": max(part["below"] for part in known)}


def costs(parts: Sequence[Part | None]) -> Document | None:
    """Add up what the workers cost; the estimate is of all of them already."""
    # Events of earlier versions know of nothing uncertain.
    certain = {"uncertain_read_units": 0.0, "uncertain_write_units": 0.0}
    known = [{"at_most": part["total"], **certain, **part} for part in parts if part]
    if not known:
        return None
    dollars = _sums(known, "total", "at_most", "requests", "compute")
    units = ("read_units", "write_units", "refused_write_units", "uncertain_read_units", "uncertain_write_units")
    return dict(known[0]) | {name: round(value, 6) for name, value in dollars.items()} | _sums(known, *units)


def series(events: Iterable[Part]) -> list[Document]:
    """Put the progress of all workers together, second by second."""
    # Second -> worker -> its intervals that end there: a run's last one, under a second, falls to the one before it.
    seconds: dict[int, dict[Any, list[Part]]] = {}
    for event in events:
        if event["event"] == "run.progress":
            workers = seconds.setdefault(max(1, round(event["elapsed_s"])), {})
            workers.setdefault((event["task_id"], event["worker"]), []).append(event["interval"])
    return [{"elapsed_s": second, **_second(list(workers.values()))} for second, workers in sorted(seconds.items())]


def _second(workers: Sequence[Sequence[Part]]) -> Document:
    parts = [part for intervals in workers for part in intervals]
    counts = ("planned", "sent", "ok", "expected", "contention", "cancelled", "failed", "items_unprocessed", "retried")
    merged = _sums(parts, *counts, "consumed_read_units", "consumed_write_units")
    merged["throttled"] = _by_reason(parts, "throttled")
    merged["indexes"] = indexes([part["indexes"] for part in parts])
    answered = [
        sum(part["rate"] * part["seconds"] for part in intervals) / (sum(part["seconds"] for part in intervals) or 1.0)
        for intervals in workers
    ]
    merged["rate"] = round(sum(answered), 1)
    merged["late_ms_max"] = max(part["late_ms_max"] for part in parts)
    latency: dict[str, Histogram] = {}
    for part in parts:
        for name, text in part["histograms"].items():
            latency.setdefault(name, Histogram()).add(Histogram.decode(text))
    together = Histogram()
    for histogram in latency.values():
        together.add(histogram)
    merged |= {
        "p50_ms": together.percentile(50) / 1000,
        "p99_ms": together.percentile(99) / 1000,
        "max_ms": together.maximum() / 1000,
        "histograms": {name: histogram.encode() for name, histogram in latency.items()},
    }
    # Events of earlier versions have none.
    if all("service_histogram" in part for part in parts):
        service = Histogram()
        for part in parts:
            service.add(Histogram.decode(part["service_histogram"]))
        merged["service_histogram"] = service.encode()
    return merged


def _sums(parts: Sequence[Part], *names: str) -> Document:
    return {name: sum(part[name] for part in parts) for name in names}


def _by_reason(parts: Sequence[Part], name: str) -> dict[str, int]:
    return dict(sum((Counter(part[name]) for part in parts), Counter()))


def _largest(parts: Sequence[Part]) -> Document | None:
    return {name: max(part[name] for part in parts) for name in parts[0]} if parts else None


def _all_or_none(parts: Sequence[Part], name: str) -> float | None:
    values = [part[name] for part in parts]
    return None if None in values else round(sum(values), 3)


def _errors(parts: Sequence[Part]) -> Document:
    errors = dict.fromkeys(part["error"] for part in parts if part.get("error"))
    return {"error": "; ".join(errors)} if errors else {}
