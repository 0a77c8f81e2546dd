# SPDX-License-Identifier: Apache-2.0
"""How a run ended: the exit code, and in one line why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ddbload import exit_codes
from ddbload.dynamo.errors import Verdict
from ddbload.load import Stop

# Findings of the check that a table must not leave behind.
VIOLATIONS = ("lost", "corrupt", "phantom")


class Ending(NamedTuple):
    """What happened beside the figures.

    Attributes:
        fatal: DynamoDB's answer after which nothing could go on, or the network's.
        stopped: why the run ended before its plan.
        broken_plan: how the generator did not keep its plan; empty where it did.
        elapsed_s: seconds from the start to the end of the load.
        where: DynamoDB's address.
        table: the table's name.
    """

    fatal: Verdict | None
    stopped: Stop | None
    broken_plan: str
    elapsed_s: float
    where: str
    table: str


def conclude(figures: Mapping[str, Any], ending: Ending) -> tuple[int, str]:
    """Return the exit code of a run, and the line that explains it, empty where the run passed.

    The gravest comes first: what made the figures worthless before what they show.

    Args:
        figures: as in run.summary, with ``thresholds``, ``verification``, ``duplicates`` and ``search``.
        ending: what happened beside them.
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
        return exit_codes.THRESHOLD_FAILED, f"ended early by {stopped.text}: {'; '.join(missed)}"
    if figures["search"]:
        if figures["search"]["rate"] is None:
            return exit_codes.THRESHOLD_FAILED, f"find_max: {figures['search']['answer']}"
    elif ending.broken_plan:
        missed.insert(0, ending.broken_plan)
    return (exit_codes.THRESHOLD_FAILED, "; ".join(missed)) if missed else (exit_codes.PASSED, "")


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
    """Say what was asked by a threshold that failed, and what there was."""
    value = "no value" if threshold["value"] is None else f"{threshold['value']:g} {threshold['unit']}".strip()
    return f"{threshold['expression']}: was {value}"


def _refusal(ending: Ending, verdict: Verdict) -> str:
    if verdict.outcome == "network":
        return f"DynamoDB at {ending.where} is gone: {verdict.message}: check the endpoint and the way there"
    remedy = "check the task role's permissions and its credentials"
    if verdict.reason == "ValidationException":
        remedy = "check what the scenario asks of this table"
    elif verdict.reason == "ResourceNotFoundException":
        remedy = "the table, or an index of it, has gone"
    return f"DynamoDB refuses to go on with table {ending.table}: {verdict.reason}: {verdict.message}: {remedy}"
