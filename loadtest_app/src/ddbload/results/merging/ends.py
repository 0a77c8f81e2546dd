# SPDX-License-Identifier: Apache-2.0
"""The exit code of a run, from those of its workers and from what they reached together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from ddbload.results.exit_codes import BY_SEVERITY, INTERNAL, PASSED, STOPPED, THRESHOLD_FAILED


class Ends(NamedTuple):
    """How the workers of a run ended.

    Attributes:
        codes: the exit codes other than 0, as ECS or the events report them.
        summaries: the run.summary of each worker that left one.
        is_whole: whether each segment of the plan has one worker, and each of these left a summary.
    """

    codes: Collection[int]
    summaries: Collection[Mapping[str, Any]]
    is_whole: bool

    @property
    def is_partial(self) -> bool:
        """Whether a worker is missing, was cut off, or ended before its plan."""
        return not self.is_whole or not self.summaries or any(summary["partial"] for summary in self.summaries)


def exit_code(ends: Ends) -> int:
    """Return the gravest exit code of the workers; a part of a run never passes.

    A code that ddbload does not have, as after a kill, is more severe than any other. A threshold that aborted one
    worker is graver than the stop of the others that follows it.
    """
    codes = set(ends.codes)
    if not codes and ends.is_partial:
        # ECS may report 0 for a task that was stopped: its summary has the code.
        codes = {summary.get("exit_code") or PASSED for summary in ends.summaries} - {PASSED} or {INTERNAL}
    if _was_aborted(ends.summaries):
        codes -= {STOPPED}
    foreign = sorted(codes - set(BY_SEVERITY), reverse=True)
    code = _first((*foreign, *BY_SEVERITY), codes)
    return INTERNAL if not ends.is_whole and code == THRESHOLD_FAILED else code


def is_judged_anew(ends: Ends) -> bool:
    """Return whether the merged figures decide: a worker's verdict on its own share does not hold for all of them."""
    return len(ends.summaries) > 1 and not ends.is_partial and set(ends.codes) <= {THRESHOLD_FAILED}


def _was_aborted(summaries: Iterable[Mapping[str, Any]]) -> bool:
    return any(summary["partial"] and summary.get("exit_code") == THRESHOLD_FAILED for summary in summaries)


def _first(ordered: Iterable[int], codes: Collection[int]) -> int:
    return next((code for code in ordered if code in codes), PASSED)
