# SPDX-License-Identifier: Apache-2.0
"""Interleaved rounds: a machine that is slower for some minutes is slower for every tool of a round."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

Case = TypeVar("Case")
Result = TypeVar("Result")


def interleaved(
    rounds: int, tools: Mapping[Case, Iterable[str]], run: Callable[[Case, str], Result]
) -> dict[Case, dict[str, list[Result]]]:
    """Run each tool of each case once a round; returns the results by case and tool, in the order of the rounds.

    Args:
        rounds: their number.
        tools: names of the tools by case.
        run: measures one run of a case by a tool.
    """
    measured: dict[Case, dict[str, list[Result]]] = {case: {tool: [] for tool in tools[case]} for case in tools}
    for number in range(rounds):
        for case, by_tool in measured.items():
            for tool, results in by_tool.items():
                results.append(run(case, tool))
        print(f"bench: round {number + 1} of {rounds} is done", file=sys.stderr)
    return measured
