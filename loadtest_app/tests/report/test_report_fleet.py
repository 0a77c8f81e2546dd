# SPDX-License-Identifier: Apache-2.0
"""The reports of a run of many tasks: their starts, and the requested rate beside the sent one."""

from __future__ import annotations

from typing import Any

import pytest
from ddbload.report.html import facts, run_charts
from ddbload.report.text import run as terminal
from ddbload.report.timeline import points
from ddbload.results import merge
from results.fleet import SPIKE, Task, all_but, document, fleet


@pytest.fixture(scope="module")
def late() -> dict[str, Any]:
    """Return the results of four tasks, one of them 5 s late."""
    return merge.merge(fleet(all_but(4, Task(2, late_s=5.0)), 4, document(SPIKE)))


def test_the_table_shows_starts_and_both_rates(late: dict[str, Any]) -> None:
    text = terminal.render(late)
    assert "starts: 4 workers of 4 tasks within 5.00 s; the load differed from the requested rate by" in text
    assert "the latest: task-2 +5.00 s consumed" in " ".join(text.split())
    rates = [line.split("|") for line in text.splitlines() if "over time" in line and "/s |" in line]
    (requested, sent) = (columns for _name, columns, _most in rates)
    # The spike is requested from second 10 to 15, and a quarter of it is sent five seconds later.
    assert requested.index("█") == sent.index("▇") == 10
    assert (requested[10:20], sent[10:20]) == ("█████▂▂▂▂▂", "▇▇▇▇▇▄▄▄▄▄")
    assert [most for _name, _columns, most in rates] == [" 240/s"] * 2
    assert max(map(len, text.splitlines())) <= terminal.WIDTH


def test_the_chart_has_the_requested_rate_by_the_wall_clock(late: dict[str, Any]) -> None:
    rate, _lateness = run_charts.throughput(late, points(late))
    requested, sent = rate.lines
    assert requested.label == "requested"
    assert list(requested.values)[9:16] == [40, 240, 240, 240, 240, 240, 40]
    assert list(sent.values)[9:16] == [40, 190, 190, 190, 190, 190, 90]


def test_one_worker_has_no_line_of_starts() -> None:
    alone = merge.merge(fleet([Task(0)], 1))
    text = terminal.render(alone)
    assert "starts:" not in text
    assert "requested over time" not in text
    assert "started within" not in str(facts.tasks(alone))


def test_a_page_of_500_workers_shows_ten_and_a_count(late: dict[str, Any]) -> None:
    """The tables of tasks and connections stay readable: outliers come first."""
    names = [f"task-{number}" for number in range(500)]
    tasks = [
        {"task_id": name, "worker": 0, "exit_code": 137 * (name == "task-321"), "hardware": None} for name in names
    ]
    starts = [{"task_id": name, "worker": 0, "at": "", "after_s": 9.5 * (name == "task-77")} for name in names]
    many = late | {"tasks": tasks, "connections": [{"opened": 64}] * 500}
    many["fleet"] = late["fleet"] | {"tasks": 500, "starts": starts, "skew_s": 9.5}
    page = str(facts.tasks(many))
    assert page.count("<tr>") == 1 + 10
    assert "… and 490 more." in page
    assert page.index("task-321") < page.index("task-77") < page.index("task-0")
    assert "+9.50 s" in page
    connections = str(facts.connections(many))
    assert (connections.count("<tr>"), "… and 490 more." in connections) == (11, True)
    assert "the latest: task-77 +9.50 s" in " ".join(terminal.render(many).split())


def test_a_closed_plan_requests_no_rate(late: dict[str, Any]) -> None:
    closed = late | {"plan": late["plan"] | {"rate_asked": None}}
    closed["fleet"] = late["fleet"] | {"distortion": None}
    text = terminal.render(closed)
    assert "starts: 4 workers of 4 tasks within 5.00 s; the latest" in text
    assert "requested over time" not in text
    assert "differed from" not in str(facts.tasks(closed))
