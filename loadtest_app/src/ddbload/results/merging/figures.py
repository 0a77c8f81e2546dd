# SPDX-License-Identifier: Apache-2.0
"""Adds up the figures of workers: counts and histograms without loss, percentiles from the merged histograms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ddbload.stats.histogram import Histogram
from ddbload.verify.judge import Tally

Document = dict[str, Any]
Part = Mapping[str, Any]
# Histograms are added at once, and times come from the sum.
ADDED_AT_ONCE = ("histograms", "latency_ms", "service_ms")
DUPLICATES = ("sent", "refused", "accepted", "unanswered", "originals_refused")


class Operations:
    """Adds the figures of each operation up, one worker after the other."""

    def __init__(self) -> None:
        self._counts: dict[str, list[Document]] = {}
        self._histograms: dict[str, dict[str, dict[str, Histogram]]] = {}

    def add(self, part: Mapping[str, Part]) -> None:
        """Add the figures of one worker; its histograms are not kept."""
        for name, figures in part.items():
            self._counts.setdefault(name, []).append({key: figures[key] for key in figures if key not in ADDED_AT_ONCE})
            outcomes = self._histograms.setdefault(name, {})
            for outcome, kinds in figures["histograms"].items():
                known = outcomes.setdefault(outcome, {})
                for kind, histogram in kinds.items():
                    known.setdefault(kind, Histogram()).add(histogram)

    def document(self, span_s: float, scale: float | None) -> Document:
        """Return the sums.

        Args:
            span_s: seconds under load, from the earliest start after the warm-up to the latest end.
            scale: how much more the whole plan requests than the workers that are known; None without a rate.
        """
        return {name: _operation(parts, self._histograms[name], span_s, scale) for name, parts in self._counts.items()}


def _operation(
    parts: Sequence[Part], histograms: dict[str, dict[str, Histogram]], span_s: float, scale: float | None
) -> Document:
    ok = histograms.get("ok", {})
    items = [part["items"] for part in parts]
    attempts = [part["attempts"] for part in parts]
    back_offs = [attempt["back_off_ms"] for attempt in attempts if attempt["back_off_ms"]]
    sums = _sums(parts, "sent", "ok", "expected", "contention", "found", "consumed_read_units", "consumed_write_units")
    requested = all_or_none(parts, "rate_asked")
    return {
        **sums,
        **{name: _by_reason(parts, name) for name in ("throttled", "cancelled", "failed")},
        "items": _sums(items, "ok", "unprocessed") | {"failed": _by_reason(items, "failed")},
        "attempts": {
            "retried": _by_reason(attempts, "retried"),
            "back_off_ms": _largest(back_offs),
        },
        "indexes": indexes([part["indexes"] for part in parts]),
        "rate_asked": None if requested is None or scale is None else round(requested * scale, 3),
        "rate_reached": round(sums["sent"] / span_s, 3) if span_s else 0.0,
        "latency_ms": ok["latency"].milliseconds() if ok else None,
        "service_ms": ok["service"].milliseconds() if ok else None,
        "histograms": histograms,
    }


def indexes(parts: Sequence[Mapping[str, Part]]) -> Document:
    """Add up the consumed units of the secondary indexes."""
    names = sorted({name for part in parts for name in part})
    units = ("consumed_read_units", "consumed_write_units")
    return {name: _sums([part[name] for part in parts if name in part], *units) for name in names}


def verifications(parts: Sequence[Part | None]) -> Document | None:
    """Add up the findings of the workers' checks; None where no worker read keys."""
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
    """Add up the workers' cleanups."""
    known = [part for part in parts if part]
    if not known:
        return None
    complete = len(known) == len(parts) and all(part["complete"] for part in known)
    return {**_sums(known, "deleted", "consumed_write_units"), "complete": complete} | _errors(known)


def breakers(parts: Sequence[Part | None], late_s: Sequence[float]) -> Document | None:
    """Put the openings of the workers' breakers together; the sum has the longest pause of a worker.

    Args:
        parts: of the workers.
        late_s: seconds from the earliest start to that of each, from which its openings count.
    """
    known = [part for part in parts if part]
    if not known:
        return None
    openings = [
        _shifted(opening, offset_s) if offset_s else dict(opening)
        for part, offset_s in zip(parts, late_s, strict=True)
        if part
        for opening in part["openings"]
    ]
    return {
        "action": known[0]["action"],
        "paused_s": max(part["paused_s"] for part in known),
        "openings": sorted(openings, key=lambda opening: float(opening["opened_s"])),
    }


def _shifted(opening: Part, offset_s: float) -> Document:
    instants = ("opened_s", "closed_s")
    return {
        name: round(value + offset_s, 3) if name in instants and value is not None else value
        for name, value in opening.items()
    }


def duplicates(parts: Sequence[Part | None]) -> Document | None:
    """Add up what became of the duplicates."""
    known = [part for part in parts if part]
    # Events of earlier versions have fewer of them.
    names = [name for name in DUPLICATES if all(name in part for part in known)]
    return _sums(known, *names) if known else None


def generators(parts: Sequence[Part | None]) -> Document | None:
    """Return the CPU time of the worker that waited longest for a CPU; None where no worker says."""
    known = [part for part in parts if part]
    if not known:
        return None
    silence_ms = max(part["longest_silence_ms"] for part in known)
    return {**max(known, key=lambda part: part["waited_s"] or 0.0), "longest_silence_ms": silence_ms}


def keys(parts: Sequence[Part | None]) -> Document | None:
    """Add up what the workers know of the keys that they wrote; None where one of them was cut off."""
    known = [part for part in parts if part]
    if not known or len(known) < len(parts):
        return None
    return {**_sums(known, "acknowledged", "indeterminate", "refused"), "below": max(part["below"] for part in known)}


def plans(parts: Sequence[Part], rate_reached: float) -> Document:
    """Add up the plans of workers; lateness and CPU time are those of the worst worker.

    Args:
        parts: of the workers, at least one.
        rate_reached: of all of them, in operations a second.
    """
    busy = [part["busy"] for part in parts if part["busy"] is not None]
    return {
        "rate_asked": all_or_none(parts, "rate_asked"),
        "rate_reached": round(rate_reached, 3),
        **_sums(parts, "planned", "sent", "never_sent", "passed_over"),
        "late_ms": {name: max(part["late_ms"][name] for part in parts) for name in ("p50", "p99", "max")},
        "busy": max(busy, default=None),
        "kept": all(part["kept"] for part in parts),
    }


def costs(parts: Sequence[Part | None]) -> Document | None:
    """Add up the workers' costs; the estimate already covers all of them."""
    # Events of earlier versions know of nothing uncertain.
    certain = {"uncertain_read_units": 0.0, "uncertain_write_units": 0.0}
    known = [{"at_most": part["total"], **certain, **part} for part in parts if part]
    if not known:
        return None
    dollars = _sums(known, "total", "at_most", "requests", "compute")
    units = ("read_units", "write_units", "refused_write_units", "uncertain_read_units", "uncertain_write_units")
    return dict(known[0]) | {name: round(value, 6) for name, value in dollars.items()} | _sums(known, *units)


def _sums(parts: Sequence[Part], *names: str) -> Document:
    return {name: sum(part[name] for part in parts) for name in names}


def _by_reason(parts: Sequence[Part], name: str) -> dict[str, int]:
    return dict(sum((Counter(part.get(name, {})) for part in parts), Counter()))


def _largest(parts: Sequence[Part]) -> Document | None:
    return {name: max(part[name] for part in parts) for name in parts[0]} if parts else None


def all_or_none(parts: Sequence[Part], name: str) -> float | None:
    """Add a figure up; None where a part has none."""
    values = [part[name] for part in parts]
    return None if None in values else round(sum(values), 3)


def _errors(parts: Sequence[Part]) -> Document:
    errors = dict.fromkeys(part["error"] for part in parts if part.get("error"))
    return {"error": "; ".join(errors)} if errors else {}


def telemetry(parts: Sequence[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Add up what became of the metrics for a collector; None where none was given.

    Args:
        parts: run.telemetry of each worker that wrote one; the first endpoint and problem count.
    """
    known = [part for part in parts if part]
    if not known:
        return None
    firsts = {name: next((part[name] for part in known if part.get(name)), None) for name in ("endpoint", "problem")}
    return {name: sum(part[name] for part in known) for name in ("exports", "failed", "dropped")} | firsts


def telemetry_warnings(found: Mapping[str, Any] | None) -> list[str]:
    """Say that a collector does not have all metrics."""
    if not found or not (found["failed"] or found["dropped"]):
        return []
    text = f"{found['failed']:,} of {found['exports'] + found['failed']:,} requests with metrics failed"
    text += f", {found['dropped']:,} seconds were not sent" if found["dropped"] else ""
    return [f"{text}: {found['problem']}" if found["problem"] else text]
