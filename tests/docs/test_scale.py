# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of docs/scale.md are what the load tester computes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from ddbload.run.checks.size import document
from ddbload.run.costs import cost
from ddbload.scenario import scenario
from ddbload.sizing.division import divided
from ddbload.sizing.fleet import MEMORY_GB_A_VCPU, Fleet, tasks_for
from fences import ROOT

PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
TEN_MINUTES_S = 600.0
SIZES = (1, 2, 4, 8, 16)


def rows(heading: str) -> Iterator[list[str]]:
    """Yield the cells of the rows of the first table of numbers after a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        if re.match(r"\| [\d,]+ \|", line):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def requested(rate: int, **fields: Any) -> scenario.Scenario:
    plan = {"type": "constant_rate", "rate": rate, "duration": TEN_MINUTES_S}
    return scenario.parse({"table": "orders", "plan": plan} | fields)


@pytest.mark.parametrize("row", [*rows("Which tasks")], ids=lambda row: row[0])
def test_tasks_and_their_costs(row: list[str]) -> None:
    """Each row has the tasks of each size, the range of their costs, and the cost of the requests."""
    rate, prices = number(row[0]), cost.load_prices("us-east-1")
    counts = [tasks_for(rate, vcpu) for vcpu in SIZES]
    assert list(map(number, row[1:6])) == counts
    each = [cost.fargate_cost(vcpu, vcpu * MEMORY_GB_A_VCPU, TEN_MINUTES_S, "X86_64", prices) for vcpu in SIZES]
    costs = [count * dollars for count, dollars in zip(counts, each, strict=True)]
    assert row[6] == f"${min(costs):.2f} to ${max(costs):.2f}"
    found = document(divided(requested(rate, verify={"enabled": False}), 1, 1), Fleet(1, 1, 2))
    assert row[7] == f"${found['requests_usd']:.2f}"


@pytest.mark.parametrize("row", [*rows("Processes and connections")], ids=lambda row: row[0])
def test_processes_and_connections(row: list[str]) -> None:
    """Each row has the processes and connections of a task of the default division."""
    tasks, vcpu = map(int, re.findall(r"\d+", row[1]))
    found = divided(requested(number(row[0])), tasks, vcpu)
    assert list(map(number, row[2:])) == [found.processes, found.connections]


def test_line_before_the_launch() -> None:
    """The line on the page is the line of the code."""
    line = document(divided(requested(40_000), 2, 1), Fleet(2, 1, 2))["line"]
    assert line in " ".join(PAGE.split())
