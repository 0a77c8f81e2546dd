# SPDX-License-Identifier: Apache-2.0
"""The evaluation of a benchmark's samples: medians, ratios, targets met or missed, and the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

# The reference of a client: wrk without TLS, or with TLS for clients with TLS.
LIMITS = {"wrk": "wrk", "wrk_tls": "wrk_tls", "ddbload_tls": "wrk_tls"}
DEFAULT_LIMIT = "wrk"
# The references at a constant rate: wrk2, or wrk whose delay() waits between requests. A client at a rate has it at the
# end of its name, as in wrk2_1000.
PACED = ("wrk2", "wrk_paced")
# The most that a client may take, as a multiple of its reference's CPU time.
RATIO_TARGETS = {"ddbload": 1.7, "ddbload_tls": 1.6}
PACED_TARGET = 1.5
# The least factor by which ddbload has to be cheaper than this client.
PEER, PEER_TARGET = "aiobotocore", 30.0
MEMORY_TARGET_MB = 60.0
# The growth of memory in a run ten times as long that counts as flat: some bits for each written key.
FLAT_TOLERANCE = 1.1
START_TARGET_MS = 400.0
# The text between these two marks of a Markdown document is generated from measurements.
MEASURED, END_OF_MEASURED = "<!-- measured by make bench -->", "<!-- end of measured -->"
# wrk is never idle: a smaller share of its core means that other work disturbed it or the server.
CALM_CORE_SHARE = 0.85


class Sample(NamedTuple):
    """The cost of one client in one round: CPU time in user mode and in the kernel, and wall time; in seconds.

    Attributes:
        late_ms: how late requests were sent at a constant rate, in milliseconds: the 50th percentile and the 99th.
    """

    requests: int
    user_s: float
    system_s: float
    wall_s: float
    late_ms: tuple[float, float] | None = None

    @property
    def cpu_us_per_request(self) -> float:
        """Return the CPU time of one request in microseconds, user and system."""
        return (self.user_s + self.system_s) * 1e6 / self.requests

    @property
    def system_us_per_request(self) -> float:
        """Return the share of the kernel in it."""
        return self.system_s * 1e6 / self.requests

    @property
    def core_share(self) -> float:
        """Return the share of one core that the client used."""
        return (self.user_s + self.system_s) / self.wall_s

    @property
    def requests_per_s(self) -> float:
        """Return the requests a second."""
        return self.requests / self.wall_s


def without_start(whole: Sample, short: Sample) -> Sample:
    """Subtract a short run from a long one, so that fixed costs (start, connections, summary) do not count.

    Raises:
        ValueError: the long run is not the longer one.
    """
    rest = Sample(
        whole.requests - short.requests,
        whole.user_s - short.user_s,
        whole.system_s - short.system_s,
        whole.wall_s - short.wall_s,
        whole.late_ms,
    )
    if rest.requests <= 0 or rest.cpu_us_per_request <= 0 or rest.wall_s <= 0:
        raise ValueError(f"a run of {whole.requests:,} requests took no longer than one of {short.requests:,}")
    return rest


def clients(rounds: Sequence[Mapping[str, Sample]]) -> dict[str, dict[str, Any]]:
    """Summarise the rounds by client.

    A ratio is the median of the ratios within each round, not the ratio of medians: other load, which changes
    from minute to minute, then affects both sides equally.

    Args:
        rounds: the samples of each round, by client; each round has the same clients.

    Returns:
        For each client, as medians: ``cpu_us_per_request`` (microseconds; ``cpu_us_least`` and ``cpu_us_most`` over the
        rounds), ``system_us_per_request`` (the kernel's share of it), ``requests_per_s``, ``core_share`` (how much of
        its core it had), ``ratio_to_wrk`` (of TLS clients to TLS wrk, at a rate to the reference at this rate; None
        without it); ``late_p50_ms`` and ``late_p99_ms`` where a client reports them; and ``target`` and ``passed``
        where it has a target. ddbload also has ``times_cheaper_than_aiobotocore``, with its own target.
    """
    figures: dict[str, dict[str, Any]] = {}
    for name in rounds[0] if rounds else ():
        costs = [samples[name].cpu_us_per_request for samples in rounds]
        limit = _limit(name, rounds[0])
        ratio = _ratio(rounds, name, limit)
        figures[name] = {
            "cpu_us_per_request": round(median(costs), 2),
            "cpu_us_least": round(min(costs), 2),
            "cpu_us_most": round(max(costs), 2),
            "system_us_per_request": round(median(samples[name].system_us_per_request for samples in rounds), 2),
            "requests_per_s": round(median(samples[name].requests_per_s for samples in rounds)),
            "core_share": round(median(samples[name].core_share for samples in rounds), 2),
            "ratio_to_wrk": ratio,
        }
        late = [samples[name].late_ms or () for samples in rounds]
        if all(late):
            p50_ms, p99_ms = (round(median(values), 3) for values in zip(*late, strict=True))
            figures[name] |= {"late_p50_ms": p50_ms, "late_p99_ms": p99_ms}
        if (target := _target(name)) is not None and ratio is not None:
            figures[name] |= {"target": f"<= {target:g} x {limit.partition('_')[0]}", "passed": ratio <= target}
    if "ddbload" in figures and PEER in figures:
        times = _ratio(rounds, PEER, "ddbload")
        assert times is not None
        figures["ddbload"][f"times_cheaper_than_{PEER}"] = {
            "value": times,
            "target": f">= {PEER_TARGET:g}",
            "passed": times >= PEER_TARGET,
        }
    return figures


def memory(peaks_mb: Mapping[int, float]) -> dict[str, Any]:
    """Compare the peak resident memory in MB (10^6 bytes) of runs by their number of requests.

    Returns:
        ``peak_mb`` by number of requests, ``growth`` (longest run to shortest), ``flat``, ``target``, ``passed``.
    """
    runs = sorted(peaks_mb)
    growth = peaks_mb[runs[-1]] / peaks_mb[runs[0]]
    flat = growth <= FLAT_TOLERANCE
    return {
        "peak_mb": {str(requests): round(peaks_mb[requests], 1) for requests in runs},
        "growth": round(growth, 3),
        "flat": flat,
        "target": f"< {MEMORY_TARGET_MB:g} MB" + (" and flat" if len(runs) > 1 else ""),
        "passed": flat and max(peaks_mb.values()) < MEMORY_TARGET_MB,
    }


def start(times_ms: Sequence[float]) -> dict[str, Any]:
    """Compare the time from a process's start to the server's first PutItem, in milliseconds, with its target.

    Returns:
        ``first_request_ms`` (median), ``least_ms``, ``most_ms``, ``target``, ``passed``.
    """
    middle = median(times_ms)
    return {
        "first_request_ms": round(middle, 1),
        "least_ms": round(min(times_ms), 1),
        "most_ms": round(max(times_ms), 1),
        "target": f"< {START_TARGET_MS:g} ms",
        "passed": middle < START_TARGET_MS,
    }


def judged(document: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return every target of a document with whether it was met, as ``path: target``."""
    found: list[tuple[str, bool]] = []
    for name, value in document.items():
        if isinstance(value, Mapping):
            if "passed" in value:
                found.append((f"{name}: {value['target']}", bool(value["passed"])))
            found += [(f"{name}.{inner}", passed) for inner, passed in judged(value)]
    return found


def disturbance(document: Mapping[str, Any]) -> str | None:
    """Return a warning where wrk had too small a share of its core; None otherwise."""
    share = document.get("wrk", {}).get("core_share")
    if share is None or share >= CALM_CORE_SHARE:
        return None
    return f"the machine was not calm: wrk had {share:.0%} of its core, usual are 95 %; all figures are too high"


def table(document: Mapping[str, Any]) -> str:
    """Return a document's figures as a Markdown table with aligned columns."""
    head = ("client", "CPU us/request", "least … most", "in the kernel", "requests/s", "late p50, p99 ms", "x wrk")
    rows = [[*head, "target", ""]]
    for name, value in document.items():
        if isinstance(value, Mapping) and "cpu_us_per_request" in value:
            spread = f"{value['cpu_us_least']:.1f} … {value['cpu_us_most']:.1f}"
            ratio = "" if value["ratio_to_wrk"] is None else f"{value['ratio_to_wrk']:.2f}"
            cost = f"{value['cpu_us_per_request']:.1f}"
            kernel = f"{value['system_us_per_request']:.1f}"
            late = f"{value['late_p50_ms']:.2f}, {value['late_p99_ms']:.2f}" if "late_p50_ms" in value else ""
            rows.append([name, cost, spread, kernel, f"{value['requests_per_s']:,}", late, ratio, *_verdict(value)])
    parts = [_markdown(rows)] if len(rows) > 1 else []
    others = [["ddbload", "measured", "target", ""]]
    cheaper = document.get("ddbload", {}).get(f"times_cheaper_than_{PEER}")
    if cheaper:
        others.append([f"times cheaper than {PEER}", f"{cheaper['value']:.1f}", *_verdict(cheaper)])
    if value := document.get("memory"):
        peaks = ", ".join(f"{peak:g} MB at {int(requests):,}" for requests, peak in value["peak_mb"].items())
        others.append(["peak memory (requests)", peaks, *_verdict(value)])
    if value := document.get("start"):
        spread = f"{value['first_request_ms']:g} ms ({value['least_ms']:g} … {value['most_ms']:g})"
        others.append(["start to first request", spread, *_verdict(value)])
    if len(others) > 1:
        parts.append(_markdown(others))
    return "\n\n".join(parts)


def filled_in(text: str, document: Mapping[str, Any]) -> str:
    """Return a Markdown text with a document's tables and their conditions between its marks.

    Raises:
        ValueError: the text has no marks.
    """
    before, mark, rest = text.partition(MEASURED)
    _old, end, after = rest.partition(END_OF_MEASURED)
    if not mark or not end:
        raise ValueError(f"no marks for the figures: {MEASURED} and {END_OF_MEASURED} are missing")
    conditions = document["conditions"]
    lines = [
        f"Medians of {conditions['rounds']} rounds, {conditions['measured_at'][:10]}: {conditions['processor']}, "
        f"{conditions['cores']} cores, Python {conditions['python']}, {conditions['system']}."
    ]
    if disturbed := disturbance(document):
        lines.append(f"**{disturbed[0].upper()}{disturbed[1:]}.**")
    return f"{before}{mark}\n\n" + "\n".join(lines) + f"\n\n{table(document)}\n\n{end}{after}"


def _limit(name: str, names: Iterable[str]) -> str:
    """Return the reference of a client, one of those that were measured if it has a rate."""
    rate = name.rpartition("_")[2]
    if not rate.isdigit():
        return LIMITS.get(name, DEFAULT_LIMIT)
    return next((f"{reference}_{rate}" for reference in PACED if f"{reference}_{rate}" in names), f"{PACED[0]}_{rate}")


def _target(name: str) -> float | None:
    """Return the most that a client may take, as a multiple of its reference's CPU time; None without a target."""
    client, _, rate = name.rpartition("_")
    return PACED_TARGET if client == "ddbload" and rate.isdigit() else RATIO_TARGETS.get(name)


def _ratio(rounds: Sequence[Mapping[str, Sample]], name: str, limit: str) -> float | None:
    if not all(name in samples and limit in samples for samples in rounds):
        return None
    return round(
        median(samples[name].cpu_us_per_request / samples[limit].cpu_us_per_request for samples in rounds),
        3,
    )


def _verdict(value: Mapping[str, Any]) -> list[str]:
    return [value["target"], "met" if value["passed"] else "MISSED"] if "passed" in value else ["", ""]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
