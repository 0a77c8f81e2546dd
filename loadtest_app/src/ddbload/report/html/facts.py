# SPDX-License-Identifier: Apache-2.0
"""The tables of a run's report: outcomes, capacity, check, cost, connections, tasks, table, scenario."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ddbload import __version__
from ddbload.report.html.markup import Content, Markup, element, render, table
from ddbload.report.words import number

FINDINGS = ("present", "absent", "indeterminate", "lost", "corrupt", "phantom")
BAD = ("lost", "corrupt", "phantom")
# A table of workers has no more rows than this.
MOST_WORKERS = 10

Results = Mapping[str, Any]


def table_name(results: Results) -> str:
    """Return the table's name, or a text where it is unknown."""
    return str((results["table"] or {}).get("name", "an unknown table"))


def duration(seconds: float) -> str:
    """Write a time span for a reader."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def money(dollars: float | None) -> str:
    """Write an amount: cents where there are some, smaller parts where there are none."""
    if dollars is None:
        return "-"
    if not dollars:
        return "$0"
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.4f}"


def reasons(results: Results) -> Markup | None:
    """Return all that did not end ok, by operation, outcome and reason."""
    rows = []
    for name, operation in results["operations"].items():
        for outcome in ("throttled", "cancelled", "failed"):
            rows += [[name, outcome, reason, f"{count:,}"] for reason, count in operation[outcome].items()]
        rows += [[name, word, "", f"{operation[word]:,}"] for word in ("expected", "contention") if operation[word]]
        retried = operation["attempts"]["retried"].items()
        rows += [[name, "sent again after", reason, f"{count:,}"] for reason, count in retried]
        if unprocessed := operation["items"]["unprocessed"]:
            rows.append([name, "items given back undone", "", f"{unprocessed:,}"])
        failed = operation["items"].get("failed", {}).items()
        rows += [[name, "statements failed in a batch", reason, f"{count:,}"] for reason, count in failed]
    if not results["operations"]:
        return None
    if not rows:
        return element("p", "Every operation ended ok.")
    return table(["operation", "outcome", "reason", "count"], rows, caption="What did not end ok", texts=3)


def capacity(results: Results) -> Markup | None:
    """Return the units consumed, by operation and by secondary index."""
    rows = []
    for name, operation in results["operations"].items():
        rows.append([name, *_units(operation)])
        rows += [[f"{name}, of it index {index}", *_units(units)] for index, units in operation["indexes"].items()]
    if not rows:
        return None
    return table(["operation", "read units", "write units"], rows, caption="Units consumed, warm-up left out")


def search(results: Results) -> Markup | None:
    """Return the trials of `find_max` and their result."""
    found = results["search"]
    if not found:
        return None
    rows = [
        [
            f"{number(step['rate'])}/s",
            step["phase"],
            element("span", "✓ passed", class_="good") if step["passed"] else element("span", "✕ failed", class_="bad"),
            step["reason"],
            number(step["reached"]),
        ]
        for step in found["steps"]
    ]
    heads = ["rate tried", "phase", "trial", "why", "reached/s"]
    return render([element("p", found["answer"]), table(heads, rows, caption="Trials in their order", texts=4)])


def check(results: Results) -> Markup | None:
    """Return the results of the check, of the injected duplicates and of the cleanup."""
    parts: list[Content] = []
    if found := results["verification"]:
        bad = sum(found[name] for name in BAD)
        said = f"{found['checked']:,} of {found['keys']:,} keys were read again: "
        said += f"{bad:,} lost, corrupt or phantom." if bad else "none was lost, corrupt or a phantom."
        said += "" if found["complete"] else f" The check is not complete. {found.get('error', '')}"
        parts.append(element("p", said))
        parts.append(table(FINDINGS, [[f"{found[name]:,}" for name in FINDINGS]], caption="Keys by finding", texts=0))
        examples = [text for name in BAD for text in found["examples"][name]]
        parts.append(element("ul", [element("li", text) for text in examples]) if examples else None)
    elif results["operations"]:
        parts.append(element("p", "Nothing was read again: the scenario requests no check, or wrote nothing."))
    if keys := results["keys"]:
        reported = ", ".join(f"{keys[name]:,} {name}" for name in ("acknowledged", "indeterminate", "refused"))
        parts.append(element("p", f"Keys written: {reported}."))
    if duplicates := results["duplicates"]:
        reported = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in duplicates.items())
        parts.append(element("p", f"Duplicates: {reported}."))
    if cleanup := results["cleanup"]:
        rest = "" if cleanup["complete"] else f", not complete. {cleanup.get('error', '')}"
        parts.append(element("p", f"Cleanup: {cleanup['deleted']:,} keys deleted{rest}."))
    return render(parts)


def cost(results: Results) -> Markup | None:
    """Return the run's cost, and its parts."""
    found = results["cost"]
    if not found:
        return None
    rows = [
        ["requests", money(found["requests"])],
        ["compute (Fargate)", money(found["compute"])],
        ["together", money(found["total"])],
        ["at most, with units that no response reports", money(found.get("at_most", found["total"]))],
        ["estimated before", money(found["estimated"])],
        ["most that was allowed", money((results["scenario"] or {}).get("max_cost"))],
    ]
    note = f"List prices of {found['prices_of']}, in {found['currency']}. {found['note']}"
    return render([table(["", "amount"], rows, caption="Cost of the run"), element("p", note, class_="note")])


def connections(results: Results) -> Markup | None:
    """Return how each worker's connections were opened."""
    rows = [
        [
            str(worker),
            f"{known['opened']:,}",
            f"{known.get('reopened', 0):,}",
            f"{known.get('missing_at_start', 0):,}",
            *_pair(known.get("connect_ms")),
            *_pair(known.get("tls_ms")),
        ]
        for worker, known in enumerate(results["connections"])
    ]
    if not rows:
        return None
    rows, more = _first(rows)
    head = ["worker", "opened", "reopened", "missing at the start", "connect p50", "connect max", "TLS p50", "TLS max"]
    return render([table(head, rows, caption="Connections; times in ms, in no latency of an operation"), more])


def tasks(results: Results) -> Markup | None:
    """Return which tasks and workers carried the run out, and how each ended."""
    starts = {(one["task_id"], one["worker"]): one["after_s"] for one in _fleet(results).get("starts", [])}
    rows = []
    # First those that a reader looks for: other ends than 0, then late starts.
    for known in sorted(results["tasks"], key=lambda task: _notability(task, starts)):
        start_s = starts.get((known["task_id"], known["worker"]))
        made_of = known.get("hardware") or {}
        rows.append(
            [
                known["task_id"] or "none (not in ECS)",
                str(made_of.get("architecture", "-")),
                str(known["worker"]),
                number(made_of.get("vcpu") or None),
                number(made_of.get("memory_gb") or None),
                "-" if start_s is None else f"+{start_s:.2f} s",
                "-" if known["exit_code"] is None else str(known["exit_code"]),
            ]
        )
    if not rows:
        return None
    rows, more = _first(rows)
    busy = (results["plan"] or {}).get("busy")
    notes = [] if busy is None else [f"The busiest process used {100 * busy:.0f} % of the CPU time that it may use."]
    waited_s = (results.get("generator") or {}).get("waited_s")
    if waited_s is not None:
        loaded_s = number(results["elapsed_s"])
        notes.append(f"The process that waited longest for a CPU waited {number(waited_s)} s of {loaded_s} s.")
    note = element("p", " ".join(notes)) if notes else None
    head = ["task", "architecture", "worker", "vCPU", "memory, GB", "start", "exit code"]
    caption = "Tasks and their workers; a start is counted from the earliest"
    return render([_starts(results), table(head, rows, caption=caption, texts=2), more, note])


def _starts(results: Results) -> Markup | None:
    """Say how far apart the workers started, and what that did to the load."""
    fleet = _fleet(results)
    if len(fleet.get("starts", [])) < 2 or fleet["skew_s"] is None:
        return None
    said = f"{len(fleet['starts']):,} workers of {fleet['tasks']:,} tasks started within {fleet['skew_s']:.2f} s."
    if fleet["distortion"] is not None:
        said += f" The load differed from the requested rate by {100 * fleet['distortion']:.1f} %, second by second."
    return element("p", said)


def _fleet(results: Results) -> Mapping[str, Any]:
    # Results of earlier versions have none.
    return results.get("fleet") or {}


def _notability(task: Mapping[str, Any], starts: Mapping[Any, float]) -> tuple[bool, float]:
    return task["exit_code"] == 0, -starts.get((task["task_id"], task["worker"]), 0.0)


def _first(rows: list[list[str]]) -> tuple[list[list[str]], Markup | None]:
    """Return the first rows of a table of workers, and a line with the number of the others."""
    left = len(rows) - MOST_WORKERS
    return rows[:MOST_WORKERS], element("p", f"… and {left:,} more.") if left > 0 else None


def table_facts(results: Results) -> Markup | None:
    """Return DescribeTable's description before the start."""
    found = results["table"]
    if not found:
        return None
    keys = ", ".join(f"{part['name']} ({part['type']})" for part in found.get("key_schema", []))
    billing = {"PAY_PER_REQUEST": "on demand", "PROVISIONED": "provisioned"}.get(found.get("billing_mode", ""), "-")
    rows: list[Sequence[Content]] = [["name", found["name"]], ["billing", billing], ["key", keys or "-"]]
    for name in ("provisioned", "warm_throughput"):
        units = found.get(name)
        if units and (name != "provisioned" or billing == "provisioned"):
            reported = f"{units['read_units']:,} read and {units['write_units']:,} write units a second"
            rows.append([name.replace("_", " "), reported])
    rows.append(["secondary indexes", ", ".join(found.get("indexes", [])) or "none"])
    if (items := found.get("item_count")) is not None:
        rows.append(["items, some hours old", f"{items:,}"])
    return table(["", ""], rows, caption="The table before the start", texts=2)


def scenario(results: Results) -> Markup | None:
    """Return the scenario: its top level as a table, all of it as JSON."""
    requested = results["scenario"]
    if not requested:
        return None
    rows = [[name, element("code", _short(value))] for name, value in requested.items() if not _is_off(value)]
    whole = element("pre", json.dumps(requested, indent=2, ensure_ascii=False), tabindex="0")
    return render(
        [
            table(["field", "value"], rows, caption="The scenario, defaults filled in", texts=2),
            element("details", element("summary", "As JSON, to run it again"), whole),
        ]
    )


def source(results: Results) -> Markup:
    """Return the versions and the source of the page."""
    made = results.get("version")
    run_by = f"The run was made by ddbload {made}. " if made else ""
    text = f"{run_by}This page was made by ddbload {__version__} from results.json alone."
    return element("p", f"{text} Percentiles are HdrHistogram's, of merged histograms; none is an average of others.")


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return a document with whole numbers where fractions are none."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_off(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("enabled") is False


def _units(part: Mapping[str, float]) -> Iterable[str]:
    return (f"{part[name]:,.1f}" for name in ("consumed_read_units", "consumed_write_units"))


def _pair(times: Mapping[str, float] | None) -> Iterable[str]:
    return (number((times or {}).get(name)) for name in ("p50", "max"))
