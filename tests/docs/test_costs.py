# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worked example of docs/costs.md agrees with the load tester's own estimate."""

from __future__ import annotations

import re

import yaml
from ddbload.run.costs import budget, cost
from ddbload.scenario import scenario
from fences import ROOT, files

PAGE = ROOT / "docs" / "costs.md"


def test_worked_example_agrees_with_the_load_tester() -> None:
    settings = yaml.safe_load(files([PAGE])["worked-example.yml"])
    asked = scenario.parse({"table": "orders", **settings["load_test_scenario"]})
    prices = cost.load_prices("us-east-1")
    requests = budget.expected(asked)
    assert requests
    kinds = requests.whole
    seconds = asked.plan.duration_s
    reckoned = cost.estimate(kinds, prices, False, seconds, 1, 2, "X86_64")
    table = {
        name.strip("* "): cells
        for name, *cells in (line.strip("|").split("|") for line in rows(PAGE.read_text("utf-8")))
    }
    for kind in kinds:
        count, _each, units, price = (number(cell) for cell in table[kind.name])
        assert count == kind[1]
        assert units == kind[1] * (kind.read_units_each + kind.write_units_each)
        request = cost.request_cost(kind[1] * kind.read_units_each, kind[1] * kind.write_units_each, prices)
        assert price == round(request, 4)
    assert number(table["task"][-1]) == round(reckoned.compute, 4)
    assert number(table["total"][-1]) == round(reckoned.total, 4)


def rows(page: str) -> list[str]:
    """Return the lines of the example's table."""
    example = page.partition("### A worked example")[2]
    return [line for line in example.splitlines() if line.startswith("|") and "---" not in line][1:6]


def number(cell: str) -> float:
    """Return the number in a cell of the table; 0 where the cell has none."""
    found = re.search(r"[\d,.]+", cell)
    return float(found[0].replace(",", "")) if found else 0.0
