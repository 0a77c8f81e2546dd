# SPDX-License-Identifier: Apache-2.0
"""The outcomes of requests as the load tester counts them, compared with the server's log and responses."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import server.service
from command import Seen, adds_up, apart_from_lateness, closed, constant, rule, run, totals
from ddbload.dynamo.responses import codes
from server import Request, Server
from server.database import Database

BASE = {"connections": 16, "timeout": 0.5, "item": {"size": 300}, "verify": {"enabled": False}}
SORTED = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
        {"AttributeName": "colour", "AttributeType": "S"},
        {"AttributeName": "weight", "AttributeType": "N"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-colour",
            "KeySchema": [{"AttributeName": "colour", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
        {
            "IndexName": "by-weight",
            "KeySchema": [{"AttributeName": "weight", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        },
    ],
}
# One entry for every option of an operation.
EVERYTHING: dict[str, dict[str, Any]] = {
    "put": {},
    "put-new": {"operation": "put", "condition": "not_exists"},
    "put-again": {"operation": "put", "keys": "zipfian", "condition": "exists"},
    "update": {},
    "update-existing": {"operation": "update", "condition": "exists"},
    "update-new": {"operation": "update", "condition": "not_exists"},
    "delete": {},
    "delete-existing": {"operation": "delete", "keys": "latest", "condition": "exists"},
    "delete-missing": {"operation": "delete", "condition": "not_exists"},
    "get": {},
    "get-consistent": {"operation": "get", "consistent": True, "keys": "latest"},
    "query": {},
    "query-consistent": {"operation": "query", "consistent": True, "limit": 7},
    "query-index": {"operation": "query", "index": "by-colour"},
    "scan": {"limit": 40},
    "scan-consistent": {"operation": "scan", "consistent": True, "limit": 30, "segments": 3},
    "scan-index": {"operation": "scan", "index": "by-weight", "limit": 20},
    "batch_write": {"items": 7},
    "batch_get": {"items": 9},
    "batch-get-consistent": {"operation": "batch_get", "items": 5, "consistent": True},
    "transact_write": {"items": 3},
    "transact-write-new": {"operation": "transact_write", "items": 2, "condition": "not_exists"},
    "transact-write-again": {"operation": "transact_write", "items": 2, "condition": "exists"},
    "transact_get": {"items": 4},
    "insert": {"operation": "execute_statement", "statement": "insert"},
    "update-one": {"operation": "execute_statement", "statement": "update", "keys": "latest"},
    "delete-one": {"operation": "execute_statement", "statement": "delete"},
    "execute_statement": {"keys": "zipfian"},
    "select-consistent": {"operation": "execute_statement", "consistent": True},
    "batch_execute_statement": {"items": 6},
    "select-several-consistent": {"operation": "batch_execute_statement", "items": 2, "consistent": True},
    "insert-several": {"operation": "batch_execute_statement", "statement": "insert", "items": 4},
    "delete-several": {"operation": "batch_execute_statement", "statement": "delete", "items": 3},
    "execute_transaction": {"items": 3},
    "insert-all": {"operation": "execute_transaction", "statement": "insert", "items": 3},
    "update-all": {"operation": "execute_transaction", "statement": "update", "items": 2},
    "delete-all": {"operation": "execute_transaction", "statement": "delete", "items": 2},
}
API = {
    **{"put": "PutItem", "update": "UpdateItem", "delete": "DeleteItem", "get": "GetItem"},
    **{"query": "Query", "scan": "Scan", "batch_write": "BatchWriteItem", "batch_get": "BatchGetItem"},
    **{"transact_write": "TransactWriteItems", "transact_get": "TransactGetItems"},
}
STATEMENTS = {
    "execute_statement": "ExecuteStatement",
    "batch_execute_statement": "BatchExecuteStatement",
    "execute_transaction": "ExecuteTransaction",
}
READS = {"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"}
READS |= {f"{name} SELECT" for name in STATEMENTS.values()}
BATCHES = ["BatchWriteItem", "BatchGetItem", "BatchExecuteStatement"]
Kind = tuple[str, str, str, bool]


class Reported:
    """The units in a server's responses to one kind of request."""

    def __init__(self) -> None:
        self.requested = self.answered = self.found = 0
        self.units = 0.0
        self.indexes: defaultdict[str, float] = defaultdict(float)

    def add(self, answer: Mapping[str, Any]) -> None:
        self.answered += 1
        reported = answer["ConsumedCapacity"]
        for capacity in reported if isinstance(reported, list) else [reported]:
            self.units += capacity["CapacityUnits"]
            for name, part in capacity.get("GlobalSecondaryIndexes", {}).items():
                self.indexes[name] += part["CapacityUnits"]
        responses = answer.get("Responses", [])
        if isinstance(responses, dict):
            self.found += sum(map(len, responses.values()))
        else:
            several = answer.get("Count", len(answer.get("Items", [])))
            self.found += several + sum("Item" in part for part in [answer, *responses])


def kind_of_request(operation: str, request: Mapping[str, Any]) -> Kind:
    """Return the fields by which entries of EVERYTHING differ: operation, condition, index, consistency."""
    if operation == "TransactWriteItems":
        return operation, request["TransactItems"][0]["Put"].get("ConditionExpression", ""), "", False
    if operation == "BatchGetItem":
        (part,) = request["RequestItems"].values()
        return operation, "", "", part["ConsistentRead"]
    consistent = bool(request.get("ConsistentRead"))
    if operation in STATEMENTS.values():
        (first, *_others) = request.get("Statements") or request.get("TransactStatements") or [request]
        return f"{operation} {first['Statement'].partition(' ')[0]}", "", "", bool(first.get("ConsistentRead"))
    return operation, request.get("ConditionExpression", ""), request.get("IndexName", ""), consistent


def kind_of_entry(name: str, entry: Mapping[str, Any]) -> Kind:
    condition = f"attribute_{entry['condition']}(#key)" if "condition" in entry else ""
    operation = entry.get("operation", name)
    if operation in STATEMENTS:
        statement = entry.get("statement", "select").upper()
        return f"{STATEMENTS[operation]} {statement}", "", "", entry.get("consistent", False)
    return API[operation], condition, entry.get("index", ""), entry.get("consistent", False)


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> defaultdict[Kind, Reported]:
    """The units that the servers of this process report, by kind of request."""
    ledger: defaultdict[Kind, Reported] = defaultdict(Reported)
    execute = Database.execute

    def watched(self: Database, operation: str, request: Mapping[str, Any], share: float = 0.0) -> dict[str, Any]:
        entry = ledger[kind_of_request(operation, request)]
        entry.requested += 1
        answer = execute(self, operation, request, share)
        if operation != "DescribeTable":
            entry.add(answer)
        return answer

    monkeypatch.setattr(Database, "execute", watched)
    return ledger


def check_against(reported: Mapping[Kind, Reported], seen: Seen) -> None:
    for name, entry in EVERYTHING.items():
        figures, kind = seen.operation(name), kind_of_entry(name, entry)
        own = reported[kind]
        writes = kind[0] not in READS
        assert (name, figures["sent"], figures["ok"]) == (name, own.requested, own.answered)
        consumed = (figures["consumed_read_units"], figures["consumed_write_units"])
        assert (name, consumed) == (name, (0.0, own.units) if writes else (own.units, 0.0))
        unit = "consumed_write_units" if writes else "consumed_read_units"
        assert (name, {index: both[unit] for index, both in figures["indexes"].items()}) == (name, dict(own.indexes))
        assert (name, figures["found"]) == (name, own.found)


@pytest.mark.parametrize("per_partition", [1, 10])
def test_every_operation_consumes_the_server_s_units(reported: defaultdict[Kind, Reported], per_partition: int) -> None:
    assert len({kind_of_entry(*item) for item in EVERYTHING.items()}) == len(EVERYTHING)
    scenario = {"plan": closed(8, 20 * len(EVERYTHING)), "mix": EVERYTHING, "keys": {"per_partition": per_partition}}
    with Server(process=False, table=SORTED) as table:
        seen = run(table.url, BASE | scenario)
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert adds_up(seen.results)
    check_against(reported, seen)
    assert all(seen.operation(name)["sent"] == 20 for name in EVERYTHING)
    written = sum(reported[kind].units for kind in reported if kind[0] not in READS)
    # A write whose condition fails is charged, without units in the response; an item takes one unit.
    refused = sum(seen.operation(name)["expected"] for name in EVERYTHING)
    cost = seen.results["cost"]
    assert (cost["write_units"], cost["refused_write_units"], refused > 0) == (written, refused, True)
    assert seen.results["cost"]["read_units"] == sum(reported[kind].units for kind in reported if kind[0] in READS)
    # All new keys are new, except maybe the first: operations on existing keys use it before any exists. So the
    # transactions that require existing keys are cancelled.
    assert seen.operation("put-new")["ok"] + seen.operation("transact-write-new")["ok"] >= 39
    assert sum(seen.operation("transact-write-again")["cancelled"].values()) >= 19


def test_all_operations_under_faults_add_up_without_false_alarm() -> None:
    """Every operation together under faults adds up and raises no false alarm."""
    script = [
        rule({"lose_answer": "reset"}, share=0.02, seed=1),
        rule({"lose_request": "silent"}, share=0.01, seed=2),
        rule({"error": {"type": "InternalServerError"}}, share=0.02, seed=3),
        rule({"throttle": {}}, share=0.03, seed=4),
        rule({"bad_crc": True}, share=0.02, seed=5),
        rule({"unprocessed": {"share": 0.3}}, operation=BATCHES, share=0.3, seed=6),
    ]
    scenario = {"plan": closed(8, 30 * len(EVERYTHING)), "mix": EVERYTHING, "verify": {"enabled": True}}
    with Server(script, table=SORTED) as table:
        seen = run(table.url, BASE | scenario | {"timeout": 0.2})
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert adds_up(seen.results)
    check = seen.results["verification"]
    assert (check["complete"], check["lost"], check["corrupt"], check["phantom"]) == (True, 0, 0, 0)


# ---- Throttles, unprocessed items, transactions


REASONS = [
    "TableWriteProvisionedThroughputExceeded",
    "TableWriteKeyRangeThroughputExceeded",
    "TableWriteAccountLimitExceeded",
    "TableWriteMaxOnDemandThroughputExceeded",
    "IndexWriteKeyRangeThroughputExceeded",
]


def test_throttles_are_counted_by_the_reason_that_dynamodb_gives() -> None:
    script = [
        rule({"throttle": {"reason": reason}}, operation="PutItem", every=20, offset=position)
        for position, reason in enumerate(REASONS)
    ]
    other = {"throttle": {"type": "ProvisionedThroughputExceededException", "reason": REASONS[0]}}
    script.append(rule(other, operation="PutItem", every=20, offset=5))
    script.append(rule({"error": {"type": "RequestLimitExceeded"}}, operation="PutItem", every=20, offset=6))
    with Server(script) as table:
        seen = run(table.url, BASE | {"plan": closed(8, 200), "thresholds": ["throttled <= 35%", "throttled > 69"]})
    expected = dict.fromkeys(REASONS, 10) | {REASONS[0]: 20, "RequestLimitExceeded": 10}
    assert (seen.code, seen.operation()["throttled"], seen.operation()["ok"]) == (0, expected, 130)
    assert sum((Counter(event["interval"]["throttled"]) for event in seen.of("run.progress")), Counter()) == expected
    assert adds_up(seen.results)


def test_unprocessed_items_are_counted_beside_the_calls() -> None:
    """Unprocessed items are counted separately from the calls."""
    script = [
        rule({"unprocessed": {"share": 0.2}}, operation="BatchWriteItem", every=2),
        rule({"unprocessed": {"share": 0.5}}, operation="BatchGetItem", every=4),
    ]
    mix = {"batch_write": {"items": 10}, "batch_get": {"items": 6, "keys": "latest"}}
    with Server(script) as table:
        seen = run(
            table.url, BASE | {"plan": closed(4, 80), "mix": mix, "thresholds": ["batch_write.unprocessed == 10%"]}
        )
    assert (seen.code, adds_up(seen.results)) == (0, True)
    assert seen.operation("batch_write")["items"] == {"ok": 360, "unprocessed": 40, "failed": {}}
    assert seen.operation("batch_get")["items"] == {"ok": 210, "unprocessed": 30, "failed": {}}
    assert seen.operation("batch_write")["consumed_write_units"] == 360


def test_a_batch_without_processed_items_is_a_throttle() -> None:
    with Server([rule({"unprocessed": {"share": 1}}, operation="BatchWriteItem", every=4)]) as table:
        seen = run(table.url, BASE | {"plan": closed(4, 40), "mix": {"batch_write": {"items": 5}}})
    figures = seen.operation("batch_write")
    assert (figures["ok"], figures["throttled"]) == (30, {"ProvisionedThroughputExceededException": 10})
    assert figures["items"] == {"ok": 150, "unprocessed": 0, "failed": {}}


@pytest.mark.parametrize(
    ("name", "entry", "call"),
    [
        ("transact_write", {}, "TransactWriteItems"),
        ("execute_transaction", {"statement": "insert"}, "ExecuteTransaction"),
    ],
)
def test_cancelled_transactions_are_classed_by_their_reason(name: str, entry: dict[str, Any], call: str) -> None:
    codes = {
        "TransactionConflict": "contention",
        "ThrottlingError": "throttled",
        "ProvisionedThroughputExceeded": "throttled",
        "ConditionalCheckFailed": "cancelled",
        "ItemCollectionSizeLimitExceeded": "cancelled",
    }
    script = [
        rule({"cancel": {"code": code, "index": at % 3}}, operation=call, every=10, offset=at)
        for at, code in enumerate(codes)
    ]
    names = ("TransactionInProgressException", "TransactionConflictException")
    for position, error in enumerate(names):
        script.append(rule({"error": {"type": error}}, operation=call, every=10, offset=5 + position))
    with Server(script) as table:
        seen = run(table.url, BASE | {"plan": closed(8, 100), "mix": {name: {"items": 3, **entry}}})
        assert len(table.table) == 90
    figures = seen.operation(name)
    assert (seen.code, figures["ok"], figures["contention"], figures["failed"]) == (0, 30, 30, {})
    assert figures["throttled"] == {"ThrottlingError": 10, "ProvisionedThroughputExceeded": 10}
    assert figures["cancelled"] == {"ConditionalCheckFailed": 10, "ItemCollectionSizeLimitExceeded": 10}
    assert adds_up(seen.results)


# ---- Tables with keys of other kinds


MANY_KEYS = {
    "KeySchema": [{"AttributeName": "data", "KeyType": "HASH"}, {"AttributeName": "run", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": type_}
        for name, type_ in (("data", "S"), ("run", "N"), ("seq", "S"), ("region", "N"), ("city", "S"), ("day", "N"))
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "many",
            "KeySchema": [
                {"AttributeName": "seq", "KeyType": "HASH"},
                {"AttributeName": "region", "KeyType": "HASH"},
                {"AttributeName": "city", "KeyType": "RANGE"},
                {"AttributeName": "day", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
MANY = {"data", "run", "seq", "region", "city", "day"}


def test_index_is_queried_by_each_of_its_hash_keys() -> None:
    requested = []

    def answer(request: Request) -> dict[str, Any] | None:
        if request.operation != "Query":
            return None
        names, values = request.body["ExpressionAttributeNames"], request.body["ExpressionAttributeValues"]
        pairs = [clause.split(" = ") for clause in request.body["KeyConditionExpression"].split(" AND ")]
        requested.append({names[name]: values[value] for name, value in pairs})
        if requested[-1].keys() != {"seq", "region"}:
            return {"error": {"type": "ValidationException", "message": "Query condition missed key schema element"}}
        return {"answer": {"document": {"Count": 1, "Items": []}}}

    mix = {"put": 1, "query": {"index": "many"}}
    with Server(answer, process=False, table=MANY_KEYS) as table:
        seen = run(table.url, BASE | {"plan": closed(2, 80), "mix": mix, "verify": {"enabled": True}})
        items = table.table
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    # Every item has all keys of the index, so that the index has it, and a query's key is an item's.
    assert all(item.keys() == {*MANY, "ddbload_data", "ddbload_run", "ddbload_seq"} for item in items)
    held = [{name: item[name] for name in ("seq", "region")} for item in items]
    assert (len(items), len(requested), all(values in held for values in requested)) == (40, 40, True)


def test_keys_named_like_item_attributes_are_checked() -> None:
    """Keys with the names of item attributes are checked and cleaned up."""
    scenario = {"plan": closed(4, 120), "mix": {"put": 2, "update": 1}, "verify": {"enabled": True}, "cleanup": True}
    with Server([rule({"drop_write": True}, operation="PutItem", numbers=[5, 6])], table=MANY_KEYS) as table:
        lost = run(table.url, BASE | scenario | {"mix": {"put": 1}, "processes": 2})
        whole = run(table.url, BASE | scenario)
        left = table.table
    assert (lost.code, lost.results["verification"]["lost"], lost.results["verification"]["present"]) == (4, 1, 119)
    assert (whole.code, whole.message, whole.results["verification"]["lost"], left) == (0, "", 0, [])


# ---- Refusals, clocks


FATAL = ["ValidationException", "AccessDeniedException", "ResourceNotFoundException", "ExpiredTokenException"]


@pytest.mark.parametrize("name", FATAL)
def test_a_permanent_refusal_ends_the_run_at_once(name: str) -> None:
    script = [rule({"error": {"type": name, "message": "so it is"}}, operation="PutItem", numbers=[20, 10**9])]
    scenario = {"plan": closed(8, 100_000), "verify": {"enabled": True}, "retries": {"attempts": 5}}
    with Server(script) as table:
        seen = run(table.url, BASE | scenario)
    assert (seen.code, seen.results["partial"], seen.results["verdict"]) == (5, True, "failed")
    assert f"{name}: so it is" in seen.message
    # Eight callers: the requests in flight are refused too, and no other follows.
    refused = seen.operation()["failed"][f"fatal:{name}"]
    assert 1 <= refused <= 8
    assert (seen.operation()["ok"], table.log.requests["PutItem"]) == (20, 20 + refused)
    assert (table.log.requests["BatchGetItem"], seen.results["verification"]) == (0, None)
    assert adds_up(seen.results)


@pytest.mark.parametrize("numbers", [[20, 22], [0, 10**9]])
def test_a_new_access_key_is_retried(numbers: list[int]) -> None:
    reply = {"error": {"type": "UnrecognizedClientException", "message": "not known"}}
    with Server([rule(reply, operation="PutItem", numbers=numbers)]) as table:
        seen = run(table.url, BASE | {"plan": closed(2, 60), "retries": {"attempts": 8, "base_ms": 1}})
    if numbers[0]:
        assert (seen.code, seen.message, seen.operation()["ok"]) == (0, "", 60)
    else:
        assert seen.code == 5 and seen.message.endswith(f"(UnrecognizedClientException) -> {codes.CREDENTIALS}")
    assert adds_up(seen.results)


def test_responses_with_a_wrong_checksum_are_failures() -> None:
    """Responses with a wrong checksum are failures of every operation."""
    mix = {"put": 1, "get": 1, "query": 1, "batch_write": 1}
    operations = ["PutItem", "GetItem", "Query", "BatchWriteItem"]
    script = [rule({"bad_crc": True}, operation=name, every=5) for name in operations]
    with Server(script) as table:
        seen = run(table.url, BASE | {"plan": closed(8, 200), "mix": mix})
    assert table.log.faults["bad_crc"] == 40
    for name in mix:
        figures = seen.operation(name)
        assert (name, figures["ok"], figures["failed"]) == (name, 40, {"network:BadChecksum": 10})


def test_a_clock_that_jumps_in_the_middle_is_corrected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead_s = 0.0

    def jump(request: Request) -> None:
        nonlocal ahead_s
        if request.operation == "PutItem" and request.number == 100:
            ahead_s = 1200.0

    clock = SimpleNamespace(time=lambda: time.time() + ahead_s, strptime=time.strptime)
    monkeypatch.setattr(server.service, "time", clock)
    # Signatures are checked where the offset is not 0.
    with Server(jump, process=False, clock_offset_s=0.001) as table:
        seen = run(table.url, BASE | {"plan": closed(8, 400)})
    refused = table.log.answers["InvalidSignatureException"]
    assert (seen.code, seen.results["clock_corrections"]) == (0, 1)
    assert 1 <= refused <= 16
    assert seen.operation()["failed"] == {"server:ClockSkew:InvalidSignatureException": refused}
    assert (seen.operation()["ok"], table.log.requests["PutItem"]) == (400 - refused, 400)
    (warning,) = apart_from_lateness(seen.results["warnings"])
    assert "clock is 1200 s behind AWS's" in warning or "clock is 1199 s behind AWS's" in warning


def test_expired_request_reports_the_clock() -> None:
    date = {"Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() - 3600))}
    expired = {"error": {"type": "RequestExpired"}, "headers": date}
    with Server([rule(expired, operation="PutItem", numbers=[50, 53])]) as table:
        seen = run(table.url, BASE | {"plan": closed(8, 200)})
    assert (seen.code, seen.results["clock_corrections"]) == (0, 1)
    assert seen.operation()["failed"] == {"server:ClockSkew:RequestExpired": 3}
    assert table.log.requests["PutItem"] == 200
    assert any("ahead of AWS's" in text for text in seen.results["warnings"])


def test_a_wrong_clock_is_corrected_before_the_start() -> None:
    """A clock that was off from the start is corrected before it."""
    with Server(clock_offset_s=-900) as table:
        seen = run(table.url, BASE | {"plan": closed(8, 100)})
    assert (seen.code, seen.operation()["ok"], seen.operation()["failed"]) == (0, 100, {})
    assert (table.log.requests["DescribeTable"], table.log.answers["InvalidSignatureException"]) == (2, 1)
    assert seen.results["clock_corrections"] == 0
    assert any("ahead of AWS's" in text for text in seen.results["warnings"])


# ---- Retries


FAULTS = [
    rule({"error": {"type": "InternalServerError"}}, operation="PutItem", every=10, offset=1),
    rule({"throttle": {"reason": "TableWriteKeyRangeThroughputExceeded"}}, operation="PutItem", every=10, offset=4),
    rule({"lose_answer": "reset"}, operation="PutItem", every=10, offset=7),
]


def test_nothing_is_repeated_unless_retries_are_set() -> None:
    with Server(FAULTS) as table:
        seen = run(table.url, BASE | {"plan": closed(8, 200)})
    figures = seen.operation()
    assert (table.log.requests["PutItem"], figures["sent"], figures["ok"]) == (200, 200, 140)
    assert figures["attempts"] == {"retried": {}, "back_off_ms": None}
    assert totals(figures) == {"ok": 140, "throttled": 20, "failed": 40}


def test_retries_are_counted_separately_and_all_are_sent() -> None:
    """Retries are counted separately, and every attempt reaches the server."""
    with Server(FAULTS) as table:
        seen = run(table.url, BASE | {"plan": closed(8, 200), "retries": {"attempts": 50, "base_ms": 1, "cap_ms": 4}})
    figures, log = seen.operation(), table.log
    assert (figures["sent"], figures["ok"], totals(figures).total()) == (200, 200, 200)
    assert figures["attempts"]["retried"] == {
        "server:InternalServerError": log.faults["error"],
        "throttled:TableWriteKeyRangeThroughputExceeded": log.faults["throttle"],
        "network:ConnectionReset": log.faults["lose_answer"],
    }
    assert log.requests["PutItem"] == 200 + sum(figures["attempts"]["retried"].values())
    assert figures["attempts"]["back_off_ms"]["max"] <= 4.1
    # Only the last attempt's responses have units.
    assert figures["consumed_write_units"] == 200
    assert sum(event["interval"]["retried"] for event in seen.of("run.progress")) == len(log.injected)


def test_the_latency_of_a_retry_includes_its_back_off() -> None:
    """The latency of a retried operation includes its back-off."""
    script = [rule({"error": {"type": "InternalServerError"}}, operation="PutItem", every=2)]
    retries = {"attempts": 2, "base_ms": 100, "cap_ms": 100}
    with Server(script) as table:
        seen = run(table.url, BASE | {"plan": closed(1, 20), "retries": retries})
    figures = seen.operation()
    assert (table.log.requests["PutItem"], figures["ok"], sum(figures["attempts"]["retried"].values())) == (40, 20, 20)
    back_off_ms = figures["attempts"]["back_off_ms"]["mean"]
    hidden_ms = figures["latency_ms"]["mean"] - figures["service_ms"]["mean"]
    assert 10 < back_off_ms < hidden_ms < back_off_ms + 25
    assert figures["service_ms"]["p50"] < 25


def test_an_operation_ends_as_its_last_attempt() -> None:
    """An operation without attempts left ends as its last one."""
    reason = "TableWriteAccountLimitExceeded"
    with Server([rule({"throttle": {"reason": reason}}, operation="PutItem")]) as table:
        seen = run(table.url, BASE | {"plan": closed(4, 20), "retries": {"attempts": 3, "base_ms": 1}})
    figures = seen.operation()
    assert (table.log.requests["PutItem"], figures["sent"], figures["throttled"]) == (60, 20, {reason: 20})
    assert figures["attempts"]["retried"] == {f"throttled:{reason}": 40}
    assert adds_up(seen.results)


def test_a_condition_that_fails_by_a_retry_is_no_loss() -> None:
    """A condition that fails because of an earlier attempt is no loss."""
    scenario = {"mix": {"put": {"condition": "not_exists"}}, "verify": {"enabled": True}}
    script = [rule({"lose_answer": "reset"}, operation="PutItem", numbers=[0, 100], every=10)]
    with Server(script) as table:
        seen = run(table.url, BASE | scenario | {"plan": closed(4, 100), "retries": {"attempts": 5, "base_ms": 1}})
        assert len(table.table) == 100
    figures, check = seen.operation(), seen.results["verification"]
    # An attempt after a lost one may be lost too.
    lost = len({str(injection.keys) for injection in table.log.injected})
    assert (seen.code, figures["ok"], figures["expected"]) == (0, 100 - lost, lost)
    assert (check["present"], check["indeterminate"], check["lost"]) == (100 - lost, lost, 0)


def test_an_open_plan_with_retries_still_sends_what_it_planned() -> None:
    with Server(FAULTS) as table:
        seen = run(
            table.url, BASE | {"plan": constant(200, 1), "timeout": 5, "retries": {"attempts": 50, "base_ms": 5}}
        )
    figures = seen.operation()
    assert (seen.code, seen.results["plan"]["sent"], figures["ok"]) == (0, 200, 200)
    assert table.log.requests["PutItem"] == 200 + sum(figures["attempts"]["retried"].values())
    assert adds_up(seen.results)


def test_requests_in_flight_at_the_end_are_retried_too() -> None:
    # The last response arrives long after the last instant of the plan.
    script = [rule({"throttle": {}, "delay_ms": 300}, operation="PutItem", numbers=[19, 20])]
    with Server(script) as table:
        seen = run(
            table.url, BASE | {"plan": constant(40, 0.5), "timeout": 5, "retries": {"attempts": 3, "base_ms": 5}}
        )
    figures = seen.operation()
    assert (seen.code, figures["sent"], figures["ok"], table.log.requests["PutItem"]) == (0, 20, 20, 21)
    assert sum(figures["attempts"]["retried"].values()) == 1
