# SPDX-License-Identifier: Apache-2.0
"""Budgets: the units of every operation and the cost of a scenario, compared with figures computed by hand."""

from typing import Any, cast

import pytest
from ddbload.dynamo.endpoint import Target
from ddbload.dynamo.table import KeyAttribute
from ddbload.engine.engine import Engine
from ddbload.run.costs import budget, cost
from ddbload.run.task import NO_TASK, Task
from ddbload.scenario import scenario
from ddbload.scenario.entries import OPERATIONS, STATEMENTS, MixEntry
from ddbload.scenario.scenario import Scenario
from ddbload.workload.sizes import Choices, Fixed, Sizes
from hypothesis import given
from hypothesis import strategies as st
from run.test_progress import Counted, Happening

HALF_AND_HALF = Choices(1, {1000: 1, 5000: 1})
# On demand in us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/
WRITE_MILLION, READ_MILLION = 0.625, 0.125


def target_of(billing_mode: str = "PAY_PER_REQUEST", region: str = "us-east-1") -> Target:
    table: dict[str, Any] = {"billing_mode": billing_mode}
    return Target("http://127.0.0.1", region, table, [KeyAttribute("pk", "S")], {}, 0.0, None)


def scenario_of(**document: Any) -> Scenario:
    return scenario.parse({"table": "test-table"} | document)


@pytest.mark.parametrize(
    ("entry", "sizes", "read", "write"),
    [
        # Writes: 1 KB each, rounded up.
        (MixEntry("put", 1), Fixed(400), 0, 1),
        (MixEntry("put", 1), Fixed(1024), 0, 1),
        (MixEntry("put", 1), Fixed(1025), 0, 2),
        (MixEntry("put", 1), Fixed(409_600), 0, 400),
        (MixEntry("update", 1), Fixed(3000), 0, 3),
        (MixEntry("delete", 1), Fixed(3000), 0, 3),
        (MixEntry("put", 1), HALF_AND_HALF, 0, (1 + 5) / 2),
        (MixEntry("batch_write", 1, items=25), Fixed(1500), 0, 50),
        (MixEntry("batch_write", 1, items=2), HALF_AND_HALF, 0, 1 + 5),
        (MixEntry("transact_write", 1, items=2), Fixed(400), 0, 4),
        (MixEntry("transact_write", 1, items=10), Fixed(2048), 0, 40),
        # Reads: 4 KB each, rounded up; half where they are eventually consistent.
        (MixEntry("get", 1), Fixed(400), 0.5, 0),
        (MixEntry("get", 1, consistent=True), Fixed(400), 1, 0),
        (MixEntry("get", 1, consistent=True), Fixed(4096), 1, 0),
        (MixEntry("get", 1, consistent=True), Fixed(4097), 2, 0),
        (MixEntry("get", 1, consistent=True), HALF_AND_HALF, (1 + 2) / 2, 0),
        (MixEntry("batch_get", 1, items=25), Fixed(400), 12.5, 0),
        (MixEntry("batch_get", 1, items=25, consistent=True), Fixed(5000), 50, 0),
        (MixEntry("transact_get", 1, items=3), Fixed(400), 6, 0),
        (MixEntry("transact_get", 1, items=3), Fixed(5000), 12, 0),
        # A statement consumes what the operation without PartiQL does, and twice that in a transaction.
        (MixEntry("execute_statement", 1), Fixed(400), 0.5, 0),
        (MixEntry("execute_statement", 1, consistent=True), Fixed(4097), 2, 0),
        *((MixEntry("execute_statement", 1, statement=kind), Fixed(1025), 0, 2) for kind in STATEMENTS[1:]),
        (MixEntry("batch_execute_statement", 1, items=5, consistent=True), HALF_AND_HALF, 5 * (1 + 2) / 2, 0),
        (MixEntry("batch_execute_statement", 1, items=25, statement="insert"), Fixed(1500), 0, 50),
        (MixEntry("execute_transaction", 1, items=3), Fixed(5000), 12, 0),
        (MixEntry("execute_transaction", 1, items=10, statement="update"), Fixed(2048), 0, 40),
        # Pages: all items together are rounded, not each; a query finds ten in a partition here.
        (MixEntry("query", 1, limit=100), Fixed(400), 0.5, 0),
        (MixEntry("query", 1, limit=100, consistent=True), Fixed(1000), 3, 0),
        (MixEntry("query", 1, limit=4, consistent=True), Fixed(1024), 1, 0),
        (MixEntry("scan", 1, limit=100), Fixed(400), 5, 0),
        (MixEntry("scan", 1, limit=100, consistent=True), Fixed(400), 10, 0),
        # A page ends at 1 MB, regardless of its limit.
        (MixEntry("scan", 1, limit=100_000, consistent=True), Fixed(400), 256, 0),
    ],
)
def test_an_operation_consumes_dynamodb_s_units(entry: MixEntry, sizes: Sizes, read: float, write: float) -> None:
    assert budget.units_each(entry, sizes, 10) == (pytest.approx(read), pytest.approx(write))


@given(st.integers(1, 409_600), st.booleans(), st.integers(1, 25))
def test_units_are_those_of_the_rules_for_one_item(size: int, consistent: bool, items: int) -> None:
    sizes = Fixed(size)

    def units(operation: str) -> tuple[float, float]:
        return budget.units_each(MixEntry(operation, 1, consistent=consistent, items=items), sizes, 1)

    write, read = cost.write_units(size), cost.read_units(size, consistent)
    for operation in ("put", "update", "delete"):
        assert units(operation) == pytest.approx((0, write))
    assert units("get") == pytest.approx((read, 0))
    assert units("batch_write") == pytest.approx((0, items * write))
    assert units("batch_get") == pytest.approx((items * read, 0))
    assert units("transact_write") == pytest.approx((0, items * cost.write_units(size, transactional=True)))
    assert units("transact_get") == pytest.approx((items * cost.read_units(size, consistent, transactional=True), 0))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_consumes_something_of_one_kind(operation: str) -> None:
    read, write = budget.units_each(MixEntry(operation, 1), Fixed(400), 1)
    assert (read > 0) != (write > 0)


def test_a_scenario_counts_its_share_of_every_operation() -> None:
    requested = budget.expected(
        scenario_of(
            plan={"rate": 100, "duration": 10},
            mix={"put": 3, "get": {"consistent": True}, "batch_write": {"items": 5}},
            item={"size": 2000},
            verify={"enabled": False},
        )
    )
    load = [
        cost.Expected("put", 600, 0.0, 2.0),
        cost.Expected("get", 200, 1.0, 0.0),
        cost.Expected("batch_write", 200, 0.0, 10.0),
    ]
    assert requested == (load, [])


@pytest.mark.parametrize(
    ("document", "checked", "deleted"),
    [
        # 1,000 operations write new keys, as long as there are any.
        ({}, 1000, 1000),
        ({"keys": {"count": 300}}, 300, 300),
        ({"verify": {"share": 0.25}}, 250, 1000),
        ({"verify": {"limit": 99}}, 99, 1000),
        ({"verify": {"enabled": False}}, None, 1000),
        ({"mix": {"batch_write": {"items": 20}}}, 20_000, 20_000),
        ({"mix": {"put": 1, "get": 1}}, 500, 500),
        ({"mix": {"get": 1}}, 0, 0),
        # Keys that are written again are checked and deleted too.
        ({"mix": {"update": 1}}, 1000, 1000),
        ({"mix": {"put": 1, "delete": 1}, "keys": {"count": 700}}, 700, 700),
    ],
)
def test_estimate_includes_check_and_cleanup(document: dict[str, Any], checked: float | None, deleted: float) -> None:
    requested = budget.expected(scenario_of(**{"item": {"size": 5000}, "cleanup": True} | document))
    assert requested is not None
    counts = {kind.name: (kind[1], kind.read_units_each, kind.write_units_each) for kind in requested.aftermath}
    assert counts.get("verification") == (None if checked is None else (checked, 2.0, 0.0))
    assert counts["cleanup"] == (deleted, 0.0, 5.0)


@pytest.mark.parametrize(
    "plan", [{"type": "closed", "duration": 60}, {"type": "find_max"}], ids=["only time ends it", "a search"]
)
def test_plan_of_unknown_size_has_no_estimate(plan: dict[str, Any]) -> None:
    open_ended = scenario_of(plan=plan, thresholds=["p99 < 5ms"])
    assert budget.expected(open_ended) is None
    assert budget.estimate(open_ended, target_of(), NO_TASK) is None
    assert budget.refusal(None, open_ended) == ""


def test_an_estimate_is_as_computed_by_hand() -> None:
    # 10,000 writes a second of 1 KB for ten minutes are 6 million write units, $3.75.
    plan = {"rate": 10_000, "duration": 600}
    estimated = budget.estimate(
        scenario_of(plan=plan, item={"size": 1024}, keys={"count": 10**7}, verify={"limit": 200_000}),
        target_of(),
        Task("id", 2.0, 4.0, "ARM64"),
    )
    assert estimated is not None
    compute = (2 * 0.03238 + 4 * 0.00356) * 660 / 3600
    requests = 6 * WRITE_MILLION + 0.2 * READ_MILLION
    assert estimated["write_units"] == 6_000_000
    assert estimated["read_units"] == 200_000
    assert estimated["requests"] == pytest.approx(requests)
    assert estimated["compute"] == pytest.approx(compute, abs=1e-6)
    assert estimated["total"] == pytest.approx(requests + compute, abs=1e-6)
    assert estimated["operations"] == {"put": 6_000_000, "verification": 200_000}
    assert (estimated["currency"], estimated["note"]) == ("USD", "")


@pytest.mark.parametrize(
    ("document", "seconds"),
    [
        # A minute beside the plan, for start and end.
        ({}, 660),
        ({"cleanup": True}, 660 + 60_000 / 500),
        ({"cleanup": {"enabled": True, "rate": 100}, "verify": {"rate": 200}}, 660 + 600 + 300),
        ({"cleanup": {"enabled": True, "rate": 100}, "keys": {"count": 5000}}, 660 + 50),
    ],
)
def test_an_estimate_counts_the_time_of_check_and_cleanup(document: dict[str, Any], seconds: float) -> None:
    requested = scenario_of(**{"plan": {"rate": 100, "duration": 600}} | document)
    estimated = budget.estimate(requested, target_of(), Task("id", 2.0, 4.0, "ARM64"))
    assert estimated is not None
    assert estimated["compute"] == pytest.approx((2 * 0.03238 + 4 * 0.00356) * seconds / 3600, abs=1e-6)


def test_an_entry_may_be_named_as_the_cleanup() -> None:
    """Its attempts are those of the load; the cleanup has one."""
    document = {"plan": {"rate": 100, "duration": 10}, "cleanup": True, "retries": {"attempts": 3}}
    named = [
        budget.estimate(scenario_of(mix={name: {"operation": "put"}}, **document), target_of(), NO_TASK)
        for name in ("put", "cleanup")
    ]
    assert named[0] is not None and named[1] is not None
    assert named[0]["at_most"] == named[1]["at_most"] > named[0]["total"]


@given(st.integers(1, 64))
def test_an_estimate_is_of_all_workers_together(workers: int) -> None:
    task = Task("id", 4.0, 8.0, "X86_64")
    requested = scenario_of(plan={"rate": 100, "duration": 600})
    one = budget.estimate(requested, target_of(), task)
    many = budget.estimate(requested, target_of(), task.shared(workers), workers)
    assert one is not None
    assert many is not None
    assert many["total"] == pytest.approx(one["total"], abs=1e-5)
    assert many["operations"] == one["operations"]


def test_a_provisioned_table_costs_nothing_by_the_request() -> None:
    estimated = budget.estimate(scenario_of(), target_of("PROVISIONED"), NO_TASK)
    assert estimated is not None
    assert (estimated["total"], estimated["write_units"]) == (0.0, 1000.0)
    assert estimated["note"] == cost.PROVISIONED_NOTE


def test_the_cost_is_the_reported_and_the_refused_units() -> None:
    """The cost of a run is that of the reported units and of refused writes."""
    spent = budget.Spent(1_000_000.0, 1_000_000.0, 500_000.0)
    reported = budget.actual(spent, target_of(), Task("id", 1.0, 2.0, "X86_64"), 90.0)
    requests = 1.5 * WRITE_MILLION + 1.0 * READ_MILLION
    compute = (0.04048 + 2 * 0.004445) * 90 / 3600
    assert reported["requests"] == pytest.approx(requests)
    assert reported["total"] == pytest.approx(requests + compute, abs=1e-6)
    # The reported units are separate, so that you can compare them with DynamoDB's metrics.
    assert (reported["read_units"], reported["write_units"], reported["refused_write_units"]) == (
        1_000_000,
        1_000_000,
        500_000,
    )


def test_spent_is_the_sum_over_warm_up_and_load() -> None:
    engine = Counted()
    for is_warm_up in (True, False):
        for outcome in ("ok", "ok", "expected", "throttled", "network"):
            Happening("put", outcome, "R", 1, 0, 1.5, 0, 0, is_warm_up).count(engine)
    spent = budget.Spent()
    spent.add(cast(Engine, engine), {"put": (0.0, 4.0), "get": (0.5, 0.0)})
    # Each ok consumes 1.5 read and 3 write units here, each refused write its estimate.
    assert (spent.read_units, spent.write_units, spent.refused_write_units) == (6.0, 12.0, 8.0)
    # A throttled request consumes nothing; for one that the network lost it is unknown.
    assert (spent.uncertain_read_units, spent.uncertain_write_units) == (0.0, 8.0)


def test_only_a_cost_above_the_limit_is_refused() -> None:
    # A million write units are $0.625.
    requested = {"plan": {"rate": 1000, "duration": 1000}, "verify": {"enabled": False}}
    for max_cost, is_refused in ((0.625, False), (0.62, True)):
        limited = scenario_of(max_cost=max_cost, **requested)
        text = budget.refusal(budget.estimate(limited, target_of(), NO_TASK), limited)
        assert bool(text) == is_refused
    assert text.startswith("max_cost: the run would cost about $0.62")
    assert "1,000,000 write and 0 read units" in text


@pytest.mark.parametrize(
    ("document", "read", "write"),
    [
        ({"plan": {"rate": 300}}, 0, 300),
        ({"plan": {"type": "ramp", "start": 0, "end": 500}, "item": {"size": 2000}}, 0, 1000),
        ({"plan": {"rate": 300}, "mix": {"put": 1, "get": 2}}, 100, 100),
        ({"plan": {"type": "closed", "duration": 5}}, 0, 0),
    ],
)
def test_the_peak_is_that_of_the_highest_rate(document: dict[str, Any], read: float, write: float) -> None:
    assert budget.peak_units(scenario_of(**document)) == (pytest.approx(read), pytest.approx(write))
