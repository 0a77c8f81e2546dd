# SPDX-License-Identifier: Apache-2.0
"""The control table's items: their requests, as DynamoDB's expressions evaluate them."""

import asyncio
import json
from typing import Any

import pytest
from ddbload.control.items import LIFE_S, Item, Request, RunItem, read_item, run_item
from ddbload.control.table import ControlTable
from ddbload.dynamo.responses.documents import InvalidAnswer
from table_double import Memory, table

NOW_MS = 1_800_000_000_123


def write(control: ControlTable, request: Request) -> Item | None:
    return asyncio.run(control.write(request))


def read(control: ControlTable) -> RunItem:
    return asyncio.run(control.read())


def number(control: ControlTable) -> RunItem:
    return run_item(write(control, control.requests.number(8, "any", NOW_MS + 5000, NOW_MS)) or {})


def test_first_number_creates_the_run_and_others_keep_it() -> None:
    control = table(Memory())
    first = number(control)
    later = run_item(write(control, control.requests.number(9, "all", NOW_MS + 9000, NOW_MS)) or {})
    assert first == RunItem("waiting", 8, 1, ready_by_ms=NOW_MS + 5000, start="any")
    assert later == first._replace(next=2)


def test_every_item_expires_in_a_day() -> None:
    memory = Memory()
    control = table(memory)
    number(control)
    write(control, control.requests.claim(3, "a", NOW_MS))
    control = table(memory, "another")
    write(control, control.requests.stop("reason", "me", "cost", NOW_MS))
    items = list(memory.database.control.items())
    assert {item["expires_at"]["N"] for item in items} == {str(NOW_MS // 1000 + LIFE_S)}
    assert sorted(item["part"]["S"] for item in items) == ["run", "run", "task#00003"]


def test_ready_counts_a_task_once_however_often_it_is_sent() -> None:
    control = table(Memory())
    number(control)
    for index in (2, 0, 2, 2):
        write(control, control.requests.ready(index))
    assert read(control).ready == {0, 2}


def test_an_index_is_claimed_by_one_task_which_may_repeat_it() -> None:
    control = table(Memory())
    claims = [write(control, control.requests.claim(0, task, NOW_MS)) for task in ("a", "b", "a")]
    assert [claim and claim["task"] for claim in claims] == ["a", None, "a"]


def test_go_and_stop_are_written_once() -> None:
    control = table(Memory())
    number(control)
    assert write(control, control.requests.go(7)) is not None
    assert write(control, control.requests.go(8)) is None
    assert write(control, control.requests.stop("late", "x", "", NOW_MS, only_waiting=True)) is None
    assert read(control).go_at_ms == 7
    assert write(control, control.requests.stop("p99", "worker 3", "threshold", NOW_MS)) is not None
    assert write(control, control.requests.stop("cost", "worker 4", "cost", NOW_MS)) is None
    assert write(control, control.requests.go(9)) is None
    run = read(control)
    assert (run.state, run.reason, run.stopped_by, run.cause) == ("stop", "p99", "worker 3", "threshold")


def test_a_stop_may_come_before_the_first_task() -> None:
    control = table(Memory())
    assert read(control) == RunItem()
    assert write(control, control.requests.stop("Ctrl-C", "launcher", "", NOW_MS)) is not None
    assert number(control).state == "stop"


def test_runs_do_not_share_items() -> None:
    memory = Memory()
    number(table(memory, "one"))
    assert read(table(memory, "two")) == RunItem()


def test_values_survive_a_write() -> None:
    control = table(Memory())
    values: Item = {"text": "a b", "count": -3, "share": 0.25, "set": frozenset({1, 20, 300})}
    written = write(control, control.requests.update("round#0001", assigned=values))
    assert written == values | {"run": "r", "part": "round#0001"}


def test_query_reads_all_pages_of_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.table.PAGE_BYTES", 100)
    control = table(Memory())
    for index in range(7):
        write(control, control.requests.claim(index, f"task-{index}", NOW_MS))
    number(control)
    found = asyncio.run(control.query("task#"))
    assert [item["task"] for item in found] == [f"task-{index}" for index in range(7)]


@pytest.mark.parametrize(
    "attributes",
    [
        {"state": {"BOOL": True}},
        {"state": {"N": "3"}},
        {"count": {"S": "8"}},
        {"count": {"N": "1.5"}},
        {"ready": {"NS": ["x"]}},
        {"ready": {"NS": 3}},
        {"state": "go"},
        ["state"],
    ],
)
def test_items_of_others_are_invalid(attributes: Any) -> None:
    with pytest.raises(InvalidAnswer):
        run_item(read_item({"Item": attributes}))


def test_requests_use_no_reserved_word_and_name_the_run() -> None:
    """Every attribute is a placeholder: many names of the items are reserved words."""
    requests = table(Memory()).requests
    body = json.loads(requests.number(8, "all", 1, 2).body)
    assert body["Key"] == {"run": {"S": "r"}, "part": {"S": "run"}}
    assert body["ReturnValues"] == "ALL_NEW"
    assert "#state = if_not_exists(#state, :state)" in body["UpdateExpression"]
