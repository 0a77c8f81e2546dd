# SPDX-License-Identifier: Apache-2.0
"""How a run ended: the exit code, and in one line why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ddbload.dynamo.responses import codes
from ddbload.dynamo.responses.errors import CONDITION_CODE, Outcome
from ddbload.engine.load import Stop
from ddbload.results import exit_codes
from ddbload.results.judging import value_text

# Findings of the check that a table must not leave behind.
VIOLATIONS = ("lost", "corrupt", "phantom")
OUTAGE_REMEDY = "check what answers at the endpoint"
# By what most operations of an entry ended in, none of which succeeded.
REMEDIES = {
    "expected": "choose another keys.prefix, or a condition that some keys meet",
    "throttled": "give the table more capacity, or lower the load",
    "contention": "spread the keys: the requests conflicted with each other",
    "cancelled": "look at the reasons of the transactions",
    "refused": "delete items of the partition keys that are full, or take more of these",
}


class Ending(NamedTuple):
    """How a run ended, apart from its figures.

    Attributes:
        fatal: the error of DynamoDB or of the network that ended the run.
        stopped: why the run ended before its plan.
        broken_plan: how the generator did not keep its plan; empty where it did.
        elapsed_s: seconds from the start to the end of the load.
        where: DynamoDB's address.
        table: the table's name.
        is_whole: whether the figures are those of the whole run, and not of one worker's share.
    """

    fatal: Outcome | None
    stopped: Stop | None
    broken_plan: str
    elapsed_s: float
    where: str
    table: str
    is_whole: bool = True


def conclude(figures: Mapping[str, Any], ending: Ending) -> tuple[int, str]:
    """Return the exit code of a run, and the line that explains it, empty where the run passed.

    The most severe cause comes first: invalid figures before failed thresholds.

    Args:
        figures: as in run.summary, with ``thresholds``, ``verification``, ``cleanup``, ``duplicates`` and ``search``.
        ending: how the run ended.
    """
    stopped = ending.stopped
    if ending.fatal:
        return exit_codes.TARGET_UNUSABLE, _refusal(ending, ending.fatal)
    if stopped and stopped.cause == "breaker":
        return exit_codes.TARGET_UNUSABLE, f"DynamoDB at {ending.where} fails: {stopped.text}"
    if lost := lost_writes(figures):
        return exit_codes.LOST_WRITES, lost
    missed = [miss(item) for item in figures["thresholds"] if not item["passed"]]
    if stopped and stopped.cause != "threshold":
        after = f"after {ending.elapsed_s:.1f} s: the results are partial"
        return exit_codes.STOPPED, f"stopped early by {stopped.text} {after}"
    if stopped:
        # Where another task's threshold ended the run, this task's may all hold.
        return exit_codes.THRESHOLD_FAILED, f"ended early by {stopped.text}: {'; '.join(missed)}".removesuffix(": ")
    if figures["search"]:
        if figures["search"].get("incomplete"):
            return exit_codes.INTERNAL, f"find_max: {figures['search']['answer']}"
        if figures["search"]["rate"] is None:
            return exit_codes.THRESHOLD_FAILED, f"find_max: {figures['search']['answer']}"
    elif ending.broken_plan:
        missed.insert(0, ending.broken_plan)
    if missed:
        return exit_codes.THRESHOLD_FAILED, "; ".join(missed)
    if text := unproven(figures, ending.is_whole):
        return exit_codes.TARGET_UNUSABLE, text
    return exit_codes.PASSED, ""


def unproven(figures: Mapping[str, Any], is_whole: bool = True) -> str:
    """Say what keeps a run that missed nothing from having passed; empty where nothing does.

    Args:
        figures: of a run or of a worker.
        is_whole: whether they are of the whole run: a worker's share may be too small for a success.
    """
    texts = (nothing_succeeded(figures) if is_whole else "", unchecked(figures), left_behind(figures))
    return "; ".join(text for text in texts if text)


def nothing_succeeded(figures: Mapping[str, Any]) -> str:
    """Say which entries of the mix were sent and never succeeded, or that nothing at all did; else empty.

    A failed condition check is a success of an entry, since the table evaluated the condition as requested, but not of
    a run without any other success.
    """
    plan = figures["plan"] or {"planned": 0, "passed_over": 0}
    sent = {name: entry for name, entry in figures["operations"].items() if entry["sent"]}
    if not sent and plan["passed_over"]:
        return f"none of {plan['planned']:,} due operations was sent: the circuit breaker was open -> {OUTAGE_REMEDY}"
    any_ok = any(entry["ok"] for entry in sent.values())
    failed = [name for name, entry in sent.items() if not (any_ok and _did_as_asked(entry))]
    return "; ".join(_failure(name, sent[name]) for name in failed)


def unchecked(figures: Mapping[str, Any]) -> str:
    """Say why a requested check of the writes failed; empty where it succeeded, or was not requested."""
    check = figures["verification"]
    is_empty = bool(check and check["keys"] and check["share"] and not check["checked"])
    if not check or not (check.get("error") or is_empty):
        return ""
    why = check.get("error") or "it was over before the first of them came"
    return f"the writes could not be checked, {check['checked']:,} of {check['keys']:,} keys were read again: {why}"


def left_behind(figures: Mapping[str, Any]) -> str:
    """Say why a requested cleanup failed; empty where it succeeded, or was not requested."""
    cleanup = figures["cleanup"]
    if not cleanup or not cleanup.get("error"):
        return ""
    return f"{cleanup['error']}; {cleanup['deleted']:,} items were deleted -> ddbload clean deletes the rest"


def _did_as_asked(entry: Mapping[str, Any]) -> bool:
    return bool(entry["ok"] or entry["expected"] or entry["cancelled"].get(CONDITION_CODE))


def _failure(name: str, entry: Mapping[str, Any]) -> str:
    ends = [
        *((entry[outcome], outcome, "") for outcome in ("expected", "contention")),
        *(
            (count, outcome, reason)
            for outcome in ("throttled", "cancelled")
            for reason, count in entry[outcome].items()
        ),
        *((count, *reason.partition(":")[::2]) for reason, count in entry["failed"].items()),
    ]
    found = sorted((end for end in ends if end[0]), reverse=True)
    listed = ", ".join(
        f"{count:,} {outcome}" + (f" ({reason})" if reason else "") for count, outcome, reason in found[:3]
    )
    _count, outcome, reason = found[0] if found else (0, "", "")
    remedy = codes.REMEDIES.get(reason) or REMEDIES.get(outcome, OUTAGE_REMEDY)
    return f"none of {entry['sent']:,} {name} operations succeeded: {listed or 'none was answered'} -> {remedy}"


def lost_writes(figures: Mapping[str, Any]) -> str:
    """Say which acknowledged writes the table did not keep; empty where it kept them all."""
    if verification := figures["verification"]:
        found = [f"{verification[kind]:,} {kind}" for kind in VIOLATIONS if verification[kind]]
        if found:
            first = next(text for kind in VIOLATIONS for text in verification["examples"][kind])
            return f"of {verification['checked']:,} keys read again: {', '.join(found)} ({first})"
    accepted = (figures["duplicates"] or {}).get("accepted", 0)
    if accepted:
        return f"{accepted:,} duplicates of acknowledged keys were accepted: the table did not have these keys"
    return ""


def miss(threshold: Mapping[str, Any]) -> str:
    """Return a threshold that failed, and its value."""
    return f"{threshold['expression']}: was {value_text(threshold)}"


def _refusal(ending: Ending, verdict: Outcome) -> str:
    if verdict.kind == "network":
        return f"DynamoDB at {ending.where} is gone: {verdict.message}: check the endpoint and the network path to it"
    return (
        f"DynamoDB refuses to go on with table {ending.table}: {verdict.reason}: {verdict.message}: "
        f"{codes.remedy(verdict.reason, verdict.message)}"
    )
