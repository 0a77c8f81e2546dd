# SPDX-License-Identifier: Apache-2.0
"""Interleaved rounds."""

from __future__ import annotations

from bench.rounds import interleaved


def test_each_round_runs_every_tool_once() -> None:
    """So that results with the same index are of the same minute."""
    ran: list[str] = []

    def run(case: int, tool: str) -> int:
        ran.append(f"{case}{tool}")
        return len(ran)

    assert interleaved(2, {1: "ab", 2: "a"}, run) == {1: {"a": [1, 4], "b": [2, 5]}, 2: {"a": [3, 6]}}
    assert ran == ["1a", "1b", "2a"] * 2
