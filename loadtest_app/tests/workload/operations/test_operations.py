# SPDX-License-Identifier: Apache-2.0
"""Operations: each request is validated by botocore's model, each response by the journal."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import gcd
from typing import Any

import botocore.session
import pytest
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from ddbload.dynamo.responses.errors import Outcome
from ddbload.dynamo.table import KeyAttribute
from ddbload.pacing.duplicates import Duplicates
from ddbload.pacing.segment import WHOLE, Segment
from ddbload.scenario.entries import CONDITIONAL, CONSISTENT, MOST_ITEMS, OPERATIONS, PARTIQL, STATEMENTS, MixEntry
from ddbload.verify.judge import BAD, judge
from ddbload.workload.choice import Chooser, HotSet, Latest, Sequential, Uniform, Zipfian
from ddbload.workload.items import ItemFactory
from ddbload.workload.journal.inserts import InsertJournal
from ddbload.workload.journal.state import ABSENT, Journal, State
from ddbload.workload.journal.versions import VersionJournal
from ddbload.workload.keys import KeySpace
from ddbload.workload.mix import Mix
from ddbload.workload.operations import build
from ddbload.workload.operations.base import KeyChoice, Operation, Workload
from ddbload.workload.operations.writes import DuplicatingPut, Kind
from ddbload.workload.sequence import KeySequence, OwnKeys, SharedKeys
from ddbload.workload.sizes import Fixed
from hypothesis import given, settings
from hypothesis import strategies as st

MODEL = botocore.session.get_session().get_service_model("dynamodb")
TABLE = "test-table"
UNIFORM = {"type": "uniform"}
THROTTLED = Outcome("throttled", "TableWrite")
TIMEOUT = Outcome("network", "Timeout")
REFUSED = Outcome("expected", "ConditionalCheckFailedException")
OK = b'{"ConsumedCapacity":{"TableName":"test-table","CapacityUnits":1.0}}'
# Writes ignore the Responses.
NONE_FOUND = OK[:-1] + b',"Responses":{"test-table":[]}}'
choosers: st.SearchStrategy[Chooser] = st.one_of(
    st.builds(Sequential),
    st.builds(Uniform, st.integers(0, 99)),
    st.builds(Zipfian, st.integers(0, 99), st.floats(0.1, 3)),
    st.builds(HotSet, st.integers(0, 99), st.floats(0, 1), st.floats(0, 1)),
    st.builds(Latest, st.integers(0, 99), st.floats(0.1, 3)),
)


def workload_of(
    entries: Mapping[str, MixEntry],
    types: str = "S",
    key_count: int = 1000,
    per_partition: int = 1,
    prefix: str = "p",
    indexes: Sequence[KeyAttribute] = (),
    segment: Segment = WHOLE,
    duplicates: Duplicates | None = None,
) -> Workload:
    schema = [KeyAttribute(name, type_) for name, type_ in zip(("pk", "sk"), types, strict=False)]
    mix = Mix(
        {name: entry.weight for name, entry in entries.items()},
        {name: entry.inserts for name, entry in entries.items()},
        duplicates,
    )
    keys = KeySpace(schema, prefix, per_partition)
    rewrites = any(entry.writes and not entry.inserts for entry in entries.values())
    journal: Journal = VersionJournal() if rewrites else InsertJournal(mix.number_of)
    is_shared = segment.count == 1 or not rewrites
    sequence: KeySequence = SharedKeys(mix, key_count) if is_shared else OwnKeys(mix, key_count, segment)
    return Workload(
        table=TABLE,
        run_id="this-run",
        mix=mix,
        keys=keys,
        sequence=sequence,
        items=ItemFactory(keys, Fixed(300), 1, "this-run", indexes),
        journal=journal,
        segment=segment,
        indexes={f"by-{attribute.name}": (attribute.name,) for attribute in indexes},
    )


def operation_of(entry: MixEntry, chooser: Chooser | None = None, **more: Any) -> tuple[Operation, Workload]:
    """Return the one operation of a mix, and its workload."""
    workload = workload_of({"it": entry}, **more)
    return build("it", entry, workload, chooser or Sequential()), workload


def prepared(operation: Operation, number: int) -> tuple[dict[str, Any], Any]:
    """Return a request's document, and the token that comes back with its response."""
    ready = operation.prepare(number)
    assert ready is not None
    return json.loads(ready[0]), ready[1]


# ---- Requests


def as_python(value: Any, shape: Any) -> Any:
    """Return a value of JSON as botocore expects it: binary values as bytes."""
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "structure":
        return {name: as_python(inner, shape.members[name]) for name, inner in value.items()}
    if shape.type_name == "map":
        return {name: as_python(inner, shape.value) for name, inner in value.items()}
    if shape.type_name == "list":
        return [as_python(inner, shape.member) for inner in value]
    return value


def texts_outside_of(value: Any, shape: Any) -> Iterable[str]:
    """Return the values outside their enumeration, which botocore's validation accepts."""
    if shape.type_name == "structure":
        parts = [(inner, shape.members[name]) for name, inner in value.items()]
    elif shape.type_name in ("map", "list"):
        inner_shape = shape.value if shape.type_name == "map" else shape.member
        parts = [(inner, inner_shape) for inner in (value.values() if shape.type_name == "map" else value)]
    else:
        enumeration = getattr(shape, "enum", [])
        return [value] if enumeration and value not in enumeration else []
    return [text for inner, inner_shape in parts for text in texts_outside_of(inner, inner_shape)]


def assert_botocore_would_send(target: str, body: bytes) -> None:
    model = MODEL.operation_model(target.rpartition(".")[2])
    document = json.loads(body)
    parameters = as_python(document, model.input_shape)
    report = ParamValidator().validate(parameters, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert list(texts_outside_of(document, model.input_shape)) == []
    request = create_serializer("json", include_validation=False).serialize_to_request(parameters, model)
    assert json.loads(request["body"]) == document
    assert request["headers"]["X-Amz-Target"] == target


@st.composite
def entries(draw: st.DrawFn) -> MixEntry:
    operation = draw(st.sampled_from(OPERATIONS))
    values: dict[str, Any] = {}
    if operation in PARTIQL:
        values["statement"] = draw(st.sampled_from(STATEMENTS))
    if {operation, values.get("statement")} & {"update", "delete"} or (operation == "put" and draw(st.booleans())):
        values["keys"] = UNIFORM
    if operation in CONSISTENT:
        values["consistent"] = draw(st.booleans())
    if operation in CONDITIONAL:
        values["condition"] = draw(st.sampled_from(["none", "exists", "not_exists"]))
    if operation in MOST_ITEMS:
        values["items"] = draw(st.integers(1, MOST_ITEMS[operation]))
    if operation in ("query", "scan"):
        values |= {"limit": draw(st.integers(1, 1000)), "index": draw(st.sampled_from(["", "by-colour", "by-sk"]))}
    if operation == "scan":
        values["segments"] = draw(st.integers(1, 9))
    return MixEntry(operation, 1, **values)


@settings(max_examples=300)
@given(entries(), st.lists(st.sampled_from("SNB"), min_size=2, max_size=3), choosers, st.data())
def test_every_request_is_valid_by_botocore_s_model(
    entry: MixEntry, types: list[str], chooser: Chooser, data: st.DataObject
) -> None:
    # An index by the table's range key has its value in the key already.
    colour = KeyAttribute("colour", types.pop())
    is_ranged = len(types) == 2
    if entry.index == "by-sk" and not is_ranged:
        entry = replace(entry, index="")
    indexes = [colour] if entry.index or data.draw(st.booleans()) else []
    prefix = data.draw(st.sampled_from(["", "p", 'quote"', "100%", "é"]))
    per_partition = data.draw(st.integers(1, 50)) if is_ranged else 1
    workload = workload_of({"it": entry}, "".join(types), 1000, per_partition, prefix, indexes)
    if is_ranged:
        workload = replace(workload, indexes=dict(workload.indexes) | ({"by-sk": ("sk",)} if indexes else {}))
        entry = entry if entry.index in ("", *workload.indexes) else replace(entry, index="")
    operation = build("it", entry, workload, chooser)
    for number in data.draw(st.lists(st.integers(0, 10**12 - 1), min_size=1, max_size=3, unique=True)):
        ready = operation.prepare(number)
        assert ready is not None
        assert_botocore_would_send(operation.target, ready[0])
        document = json.loads(ready[0])
        assert document["ReturnConsumedCapacity"] == ("INDEXES" if workload.indexes else "TOTAL")


def test_a_duplicating_put_is_valid_by_botocore_s_model() -> None:
    operation, _workload = operation_of(MixEntry("put", 1), duplicates=Duplicates(10, 50))
    ready = operation.prepare(0)
    assert ready is not None
    assert_botocore_would_send(operation.target, ready[0])


def test_an_index_that_the_table_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mix\.it\.index: table test-table has no index other; it has by-colour"):
        operation_of(MixEntry("query", 1, index="other"), indexes=[KeyAttribute("colour", "S")])


# ---- Which keys


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 9))
def test_new_keys_are_consecutive(key_count: int, items: int, weight: int) -> None:
    mixed = {"put": MixEntry("put", weight), "batch_write": MixEntry("batch_write", 1, items=min(items, key_count))}
    workload = workload_of(mixed, key_count=key_count)
    kinds = {name: build(name, entry, workload, Sequential()) for name, entry in mixed.items()}
    written: list[int | None] = []
    for number in range(40):
        name = workload.mix.operation(number)
        document, _work = prepared(kinds[name], number)
        puts = [document["Item"]] if name == "put" else [put["PutRequest"]["Item"] for put in document_items(document)]
        written += [workload.keys.index_of(item) for item in puts]
        assert puts == [workload.items.item(index, number) for index in written[-len(puts) :] if index is not None]
    assert written == [position % key_count for position in range(len(written))]


def document_items(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the requests of a batch."""
    (requests,) = document["RequestItems"].values()
    return list(requests)


REWRITING = {
    "put": MixEntry("put", 2),
    "batch_write": MixEntry("batch_write", 1, items=3),
    "update": MixEntry("update", 2, UNIFORM),
    "delete": MixEntry("delete", 1, UNIFORM),
    "again": MixEntry("put", 1, UNIFORM),
    "get": MixEntry("get", 1, UNIFORM),
    "batch_get": MixEntry("batch_get", 1, UNIFORM, items=3),
}


def keys_of(request: Mapping[str, Any], keys: KeySpace) -> list[int | None]:
    """Return the indexes of the keys that a request reads or writes."""
    if "RequestItems" in request:
        requested = request["RequestItems"][TABLE]
        items = requested["Keys"] if "Keys" in requested else [put["PutRequest"]["Item"] for put in requested]
    else:
        items = [request.get("Item") or request["Key"]]
    return [keys.index_of(item) for item in items]


@given(choosers, st.integers(3, 99), st.integers(1, 5), st.integers(1, 80))
def test_rewritten_keys_are_never_those_of_another_worker(
    chooser: Chooser, each: int, count: int, positions: int
) -> None:
    """Rewritten keys are never those of another worker."""
    for index in range(count):
        segment = Segment(index, count)
        workload = workload_of(REWRITING, key_count=each * count + count - 1, segment=segment)
        kinds = {name: build(name, entry, workload, chooser) for name, entry in REWRITING.items()}
        for number in map(segment.number, range(positions)):
            kind = kinds[workload.mix.operation(number)]
            request, work = prepared(kind, number)
            taken = keys_of(request, workload.keys)
            assert all(key is not None and key % count == index and key < each * count for key in taken)
            assert len(set(taken)) == len(taken)
            kind.succeeded(work, NONE_FOUND)


@given(st.integers(1, 60), st.integers(1, 7))
def test_workers_together_rewrite_every_key_that_divides(key_count: int, count: int) -> None:
    """The workers together rewrite every key, except the remainder of the division by workers."""
    count = min(count, key_count)
    chosen: set[int] = set()
    for index in range(count):
        segment = Segment(index, count)
        workload = workload_of({"it": MixEntry("update", 1, UNIFORM)}, key_count=key_count, segment=segment)
        choice = KeyChoice(workload, Sequential())
        chosen |= {choice.index(segment.number(position)) for position in range(count * key_count)}
    assert chosen == set(range(key_count // count * count)) or gcd(key_count // count, count) > 1


def test_fewer_keys_than_workers_that_rewrite_are_refused() -> None:
    """Fewer keys than workers that rewrite them are refused."""
    few: dict[str, Any] = {"key_count": 2, "segment": Segment(0, 3)}
    with pytest.raises(ValueError, match=r"keys\.count: 2 keys are too few for 3 workers"):
        operation_of(MixEntry("delete", 1, UNIFORM), **few)
    for entry in (MixEntry("put", 1), MixEntry("get", 1, UNIFORM)):
        assert operation_of(entry, **few)


def test_fewer_keys_than_items_of_a_write_are_refused() -> None:
    mixed = {"update": MixEntry("update", 1, UNIFORM), "batch_write": MixEntry("batch_write", 1, items=5)}
    for segment, enough in ((WHOLE, 5), (Segment(1, 3), 15)):
        assert build("it", mixed["batch_write"], workload_of(mixed, key_count=enough, segment=segment), Sequential())
        workload = workload_of(mixed, key_count=enough - 1, segment=segment)
        for operation in ("batch_write", "transact_write"):
            with pytest.raises(ValueError, match=r"keys\.count: 4 keys of a worker are too few for 5 items"):
                build("it", MixEntry(operation, 1, items=5), workload, Sequential())


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 9), st.integers(1, 50))
def test_inserts_of_several_workers_are_those_of_one(count: int, puts: int, items: int, positions: int) -> None:
    mixed = {"put": MixEntry("put", puts), "batch_write": MixEntry("batch_write", 1, items=items)}

    def written(segment: Segment, positions: int) -> list[int]:
        workload = workload_of(mixed, key_count=10**6, segment=segment)
        kinds = {name: build(name, entry, workload, Sequential()) for name, entry in mixed.items()}
        indexes: list[int] = []
        for number in map(segment.number, range(positions)):
            work = prepared(kinds[workload.mix.operation(number)], number)[1]
            indexes += work[0] if isinstance(work[0], list) else [work[0]]
        return indexes

    together = [key for index in range(count) for key in written(Segment(index, count), positions)]
    assert sorted(together) == written(WHOLE, count * positions)


mixes_with_inserts = st.fixed_dictionaries({"put": st.integers(0, 5), "it": st.integers(1, 5)})


@given(choosers, mixes_with_inserts, st.integers(1, 400), st.integers(0, 500), st.integers(1, 100))
def test_a_read_takes_different_keys_that_exist(
    chooser: Chooser, weights: dict[str, int], key_count: int, number: int, count: int
) -> None:
    mixed = {"it": MixEntry("batch_get", weights["it"], UNIFORM, items=count)}
    if weights["put"]:
        mixed["put"] = MixEntry("put", weights["put"])
    workload = workload_of(mixed, key_count=key_count)
    written = workload.mix.inserted_before(number) if weights["put"] else key_count
    exist = min(max(written, 1), key_count)
    choice = KeyChoice(workload, chooser)
    assert 0 <= choice.index(number) < exist
    chosen = choice.indexes(number, count)
    assert len(set(chosen)) == len(chosen) == count
    # If fewer keys exist than requested, the next ones are read too.
    assert all(0 <= index < max(exist, count) for index in chosen)


@given(choosers.filter(lambda chooser: not isinstance(chooser, Latest)), st.integers(0, 10**6), st.integers(1, 5))
def test_every_worker_s_read_has_the_same_key(chooser: Chooser, number: int, count: int) -> None:
    mixed = {"put": MixEntry("put", 1), "it": MixEntry("get", 2, UNIFORM)}
    whole = KeyChoice(workload_of(mixed), chooser).index(number)
    part = KeyChoice(workload_of(mixed, segment=Segment(number % count, count)), chooser).index(number)
    assert whole == part


def test_the_latest_keys_are_those_acknowledged_last() -> None:
    mixed = {"put": MixEntry("put", 1), "it": MixEntry("get", 1, {"type": "latest", "exponent": 5.0})}
    workload = workload_of(mixed)
    choice = KeyChoice(workload, Latest(1, 5.0))
    for index in range(10):
        workload.journal.acknowledged(index, workload.mix.number_of(index))
    chosen = [choice.index(number) for number in range(200, 400)]
    assert max(chosen) == 9
    assert chosen.count(9) > 150
    assert min(chosen) >= 0


def test_without_inserts_all_keys_count_as_existing() -> None:
    workload = workload_of({"it": MixEntry("get", 1, UNIFORM)}, key_count=77)
    assert {workload.sequence.existing(number) for number in (0, 1, 10**9)} == {77}
    assert {KeyChoice(workload, Sequential()).index(number) for number in range(77)} == set(range(77))


# ---- Writes


@pytest.mark.parametrize("operation", ["put", "update", "delete"])
@pytest.mark.parametrize("condition", ["none", "exists", "not_exists"])
def test_a_write_has_its_key_its_version_and_its_condition(operation: str, condition: str) -> None:
    entry = MixEntry(operation, 1, UNIFORM, condition=condition)
    kind, workload = operation_of(entry, types="SN", indexes=[KeyAttribute("colour", "S")])
    document, (index, number) = prepared(kind, 7)
    assert (index, number) == (7, 7)
    item = workload.items.item(7, 7)
    names = document.get("ExpressionAttributeNames", {})
    if operation == "put":
        assert document["Item"] == item
    else:
        assert document["Key"] == workload.keys.key(7)
    if operation == "update":
        clauses = [clause.split(" = ") for clause in document["UpdateExpression"].removeprefix("SET ").split(", ")]
        values = document["ExpressionAttributeValues"]
        assert document["Key"] | {names[name]: values[value] for name, value in clauses} == item
    if condition != "none":
        assert document["ConditionExpression"] == f"attribute_{condition}(#key)"
        assert names["#key"] == "pk"
    else:
        assert "ConditionExpression" not in document
    # DynamoDB refuses a request with a defined name that is not used.
    used = document.get("UpdateExpression", "") + document.get("ConditionExpression", "")
    assert all(f"{name} " in f"{used} " or f"({name})" in used for name in names)


def check_ends(state_after: Callable[[str], State], leaves: int) -> None:
    """Compare what a key may hold after each end of a write that leaves this version."""
    absent, done = frozenset({ABSENT}), frozenset({leaves})
    assert state_after("under way") == State(absent | done, absent)
    assert state_after("ok") == State(done, done)
    assert state_after("refused") == State(absent, absent)
    assert state_after("uncertain") == State(absent | done, absent)
    assert state_after("unknown_outcome, then ok") == State(done, done)
    assert state_after("unknown_outcome, then refused") == State(absent | done, absent)


@pytest.mark.parametrize(
    ("operation", "leaves"), [("put", 7), ("update", 7), ("delete", -8), ("batch_write", 7), ("transact_write", 7)]
)
def test_the_journal_records_each_end_of_a_write(operation: str, leaves: int) -> None:
    def state_after(end: str) -> State:
        keys = {} if operation in MOST_ITEMS else UNIFORM
        kind, workload = operation_of(MixEntry(operation, 1, keys), key_count=7)
        workload = replace(workload, journal=VersionJournal())
        kind = build("it", MixEntry(operation, 1, keys), workload, Sequential())
        work = prepared(kind, 7)[1]
        if end == "ok":
            consumed = kind.succeeded(work, OK)
            assert (consumed.write_units, consumed.items, consumed.unprocessed) == (1.0, 1, 0)
        elif end == "unknown_outcome, then ok":
            kind.unknown_outcome(work)
            kind.succeeded(work, OK)
        elif end == "unknown_outcome, then refused":
            kind.unknown_outcome(work)
            kind.failed(work, THROTTLED, False)
        elif end != "under way":
            kind.failed(work, TIMEOUT, end == "uncertain")
        return workload.journal.state(0)

    check_ends(state_after, leaves)


def test_a_put_marks_no_bit_until_its_response() -> None:
    """A put leaves a journal of bits unchanged until its response arrives."""
    kind, workload = operation_of(MixEntry("put", 1))
    work = prepared(kind, 5)[1]
    assert list(workload.journal.indexes()) == []
    kind.succeeded(work, OK)
    assert list(workload.journal.indexes()) == [5]
    assert workload.journal.state(5).legal == {5}


def test_repeated_responses_are_cached() -> None:
    for entry in (MixEntry("put", 1), MixEntry("update", 1, UNIFORM), MixEntry("get", 1, UNIFORM)):
        kind, _workload = operation_of(entry)
        reported = [kind.succeeded(prepared(kind, number)[1], OK) for number in range(5)]
        assert len({id(consumed) for consumed in reported}) == 1
        assert reported[0].remembered


# ---- Batches and transactions


@given(st.integers(1, 25), st.data())
def test_items_of_a_batch_that_come_back_were_not_written(count: int, data: st.DataObject) -> None:
    kind, workload = operation_of(MixEntry("batch_write", 1, items=count), types="SN", per_partition=3)
    document, work = prepared(kind, 4)
    requests = document_items(document)
    assert len(requests) == count
    left = data.draw(st.sets(st.integers(0, count - 1)))
    answer = {
        "UnprocessedItems": {TABLE: [requests[position] for position in left]} if left else {},
        "ConsumedCapacity": [{"TableName": TABLE, "CapacityUnits": float(count - len(left))}],
    }
    consumed = kind.succeeded(work, json.dumps(answer).encode())
    assert (consumed.items, consumed.unprocessed, consumed.write_units) == (
        count - len(left),
        len(left),
        count - len(left),
    )
    assert not consumed.remembered
    for position in range(count):
        state = workload.journal.state(4 * count + position)
        assert state.legal == ({ABSENT} if position in left else {4})
    assert workload.journal.counts() == {"acknowledged": count - len(left), "indeterminate": 0, "refused": len(left)}


@given(st.integers(1, 100), st.integers(0, 100), st.integers(0, 100), st.booleans())
def test_a_batch_of_reads_counts_found_and_unprocessed_keys(
    count: int, found: int, left: int, consistent: bool
) -> None:
    """A batch of reads counts the items that were found and the keys that were left unprocessed."""
    left = min(left, count)
    found = min(found, count - left)
    kind, workload = operation_of(MixEntry("batch_get", 1, UNIFORM, items=count, consistent=consistent))
    document, work = prepared(kind, 3)
    requested = document["RequestItems"][TABLE]
    assert requested["ConsistentRead"] is consistent
    assert requested["Keys"] == [workload.keys.key(3 * count + position) for position in range(count)]
    unprocessed = {TABLE: {"Keys": requested["Keys"][:left]}} if left else {}
    answer = {"Responses": {TABLE: [{"pk": {"S": "x"}}] * found}, "UnprocessedKeys": unprocessed}
    capacity = [{"TableName": TABLE, "CapacityUnits": 0.5 * (count - left)}]
    consumed = kind.succeeded(work, json.dumps(answer | {"ConsumedCapacity": capacity}).encode())
    assert (consumed.found, consumed.items, consumed.unprocessed) == (found, count - left, left)
    assert (consumed.read_units, consumed.write_units) == (0.5 * (count - left), 0.0)


@given(st.integers(1, 100), st.sampled_from(["none", "not_exists", "exists"]))
def test_a_transaction_writes_all_or_nothing(count: int, condition: str) -> None:
    kind, workload = operation_of(MixEntry("transact_write", 1, items=count, condition=condition))
    document, work = prepared(kind, 2)
    puts = [item["Put"] for item in document["TransactItems"]]
    assert [put["Item"] for put in puts] == [workload.items.item(2 * count + position, 2) for position in range(count)]
    assert all(put["TableName"] == TABLE for put in puts)
    expression = None if condition == "none" else f"attribute_{condition}(#key)"
    assert {put.get("ConditionExpression") for put in puts} == {expression}
    capacity = {"TableName": TABLE, "CapacityUnits": 2.0 * count, "WriteCapacityUnits": 2.0 * count}
    consumed = kind.succeeded(work, json.dumps({"ConsumedCapacity": [capacity]}).encode())
    assert (consumed.write_units, consumed.items, consumed.unprocessed) == (2.0 * count, count, 0)
    kind.failed(prepared(kind, 3)[1], Outcome("cancelled", "ConditionalCheckFailed"), False)
    kind.failed(prepared(kind, 4)[1], TIMEOUT, True)
    assert workload.journal.counts() == {"acknowledged": count, "indeterminate": count, "refused": count}


@given(st.lists(st.integers(0, 10**12 - 1), min_size=2, max_size=5, unique=True), st.text(max_size=50))
def test_a_retried_transaction_keeps_its_token_and_others_differ(numbers: list[int], run_id: str) -> None:
    """A retried transaction has the same token, and no other transaction has it."""

    def tokens(run_id: str) -> list[str]:
        entry = MixEntry("transact_write", 1, items=1)
        workload = replace(workload_of({"it": entry}, key_count=10**12), run_id=run_id)
        kind = build("it", entry, workload, Sequential())
        return [prepared(kind, number)[0]["ClientRequestToken"] for number in numbers]

    assert tokens(run_id) == tokens(run_id)
    assert len({*tokens(run_id), *tokens(run_id + "x")}) == 2 * len(numbers)
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    assert all(1 <= len(token) <= 36 for token in tokens(run_id))


@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_a_transaction_of_reads_counts_found_items(found: list[bool]) -> None:
    kind, workload = operation_of(MixEntry("transact_get", 1, UNIFORM, items=len(found)))
    document, work = prepared(kind, 0)
    gets = [item["Get"] for item in document["TransactItems"]]
    assert gets == [{"TableName": TABLE, "Key": workload.keys.key(index)} for index in range(len(found))]
    responses = [{"Item": {"pk": {"S": "x"}}} if there else {} for there in found]
    capacity = [{"TableName": TABLE, "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}]
    consumed = kind.succeeded(work, json.dumps({"Responses": responses, "ConsumedCapacity": capacity}).encode())
    assert (consumed.found, consumed.items, consumed.read_units) == (sum(found), len(found), 4.0)


# ---- Reads


def test_a_read_of_a_key_reports_whether_it_exists() -> None:
    kind, workload = operation_of(MixEntry("get", 1, UNIFORM, consistent=True))
    document, work = prepared(kind, 12)
    assert (document["Key"], document["ConsistentRead"]) == (workload.keys.key(12), True)
    there = json.dumps({"Item": {"pk": {"S": "x"}}, "ConsumedCapacity": {"CapacityUnits": 1.0}}).encode()
    assert [kind.succeeded(work, body).found for body in (there, OK, there)] == [1, 0, 1]
    kind.failed(work, TIMEOUT, True)
    kind.unknown_outcome(work)
    assert list(workload.journal.indexes()) == []


def test_a_query_reads_a_partition_of_the_table_or_of_an_index() -> None:
    """A query reads a partition of the table or of an index."""
    indexes = [KeyAttribute("colour", "N")]
    table, workload = operation_of(
        MixEntry("query", 1, UNIFORM, limit=5), types="SN", per_partition=10, indexes=indexes
    )
    document, _work = prepared(table, 25)
    assert document["KeyConditionExpression"] == "#hash = :hash"
    assert document["ExpressionAttributeNames"] == {"#hash": "pk"}
    assert document["ExpressionAttributeValues"] == {":hash": workload.keys.key(25)["pk"]}
    assert (document["Limit"], document["ConsistentRead"], "IndexName" in document) == (5, False, False)
    by_colour, workload = operation_of(MixEntry("query", 1, UNIFORM, index="by-colour"), indexes=indexes)
    document, work = prepared(by_colour, 25)
    assert document["IndexName"] == "by-colour"
    assert document["ExpressionAttributeNames"] == {"#hash": "colour"}
    # The value in every version of the item at that key.
    assert document["ExpressionAttributeValues"] == {":hash": workload.items.item(25, 99)["colour"]}
    answer = {"Count": 3, "ScannedCount": 3, "Items": [], "ConsumedCapacity": {"CapacityUnits": 0.5}}
    consumed = by_colour.succeeded(work, json.dumps(answer).encode())
    assert (consumed.found, consumed.items, consumed.read_units) == (3, 3, 0.5)


def test_a_scan_continues_and_restarts_at_its_end() -> None:
    mixed = {"put": MixEntry("put", 1), "scan": MixEntry("scan", 1, limit=9, segments=2, consistent=True)}
    workload = workload_of(mixed)
    kind = build("scan", mixed["scan"], workload, Sequential())
    numbers = [number for number in range(20) if workload.mix.operation(number) == "scan"]
    keys = [workload.keys.key(index) for index in range(3)]

    def scanned(number: int, last: Mapping[str, Any] | None) -> tuple[int, Any]:
        document, work = prepared(kind, number)
        assert (document["TotalSegments"], document["Limit"], document["ConsistentRead"]) == (2, 9, True)
        answer: dict[str, Any] = {"Count": 9, "ConsumedCapacity": {"CapacityUnits": 2.0}}
        consumed = kind.succeeded(work, json.dumps(answer | ({"LastEvaluatedKey": last} if last else {})).encode())
        assert (consumed.found, consumed.items, consumed.read_units) == (9, 9, 2.0)
        return document["Segment"], document.get("ExclusiveStartKey")

    pages = [
        scanned(number, last)
        for number, last in zip(numbers, [keys[0], keys[1], None, keys[2], None, None], strict=False)
    ]
    assert pages == [(0, None), (1, None), (0, keys[0]), (1, keys[1]), (0, None), (1, keys[2])]


def test_a_failed_scan_requests_the_same_page_again() -> None:
    kind, workload = operation_of(MixEntry("scan", 1, limit=9))
    key = workload.keys.key(1)
    kind.succeeded(prepared(kind, 0)[1], json.dumps({"Count": 9, "LastEvaluatedKey": key}).encode())
    for number in (1, 2):
        document, work = prepared(kind, number)
        assert document["ExclusiveStartKey"] == key
        kind.failed(work, TIMEOUT, True)


# ---- Duplicates


class ConditionalTable:
    """A table that accepts an item only where none exists."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}

    def put(self, document: Mapping[str, Any]) -> bool:
        assert document["ConditionExpression"] == "attribute_not_exists(#key)"
        assert document["ExpressionAttributeNames"] == {"#key": "pk"}
        key = json.dumps(document["Item"]["pk"])
        return self.items.setdefault(key, document["Item"]) is document["Item"]


def duplicating(total: int, percentage: float, segment: Segment = WHOLE) -> tuple[DuplicatingPut, Workload]:
    duplicates = Duplicates(total, percentage)
    kind, workload = operation_of(MixEntry("put", 1), key_count=total, segment=segment, duplicates=duplicates)
    assert isinstance(kind, DuplicatingPut)
    return kind, workload


class Sender:
    """One worker's puts: sends the next one, and passes responses on."""

    def __init__(self, total: int, percentage: float, segment: Segment, table: ConditionalTable) -> None:
        self.kind, self.workload = duplicating(total, percentage, segment)
        self.positions = segment.count_below(total)
        self.position = 0
        self.under_way: list[tuple[Any, dict[str, Any]]] = []
        self._table = table
        self._number = segment.number

    def send(self) -> bool:
        """Send the next put; False where there is none, or it has to wait."""
        if self.position == self.positions:
            return False
        ready = self.kind.prepare(self._number(self.position))
        if ready is None:
            # It waits only while a put is in flight.
            assert self.under_way
            return False
        self.position += 1
        self.under_way.append((ready[1], json.loads(ready[0])))
        return True

    def answer(self, position: int, fate: str) -> dict[str, Any]:
        """End a put in flight; returns it."""
        work, document = self.under_way.pop(position)
        if fate == "throttled":
            self.kind.failed(work, THROTTLED, False)
            return document
        taken = self._table.put(document) if fate in ("answered", "applied, answer lost") else False
        if fate != "answered":
            self.kind.failed(work, TIMEOUT, True)
        elif taken:
            self.kind.succeeded(work, OK)
        else:
            self.kind.failed(work, REFUSED, False)
        return document


@st.composite
def senders(draw: st.DrawFn) -> tuple[list[Sender], ConditionalTable]:
    total, percentage = draw(st.integers(2, 120)), draw(st.floats(0.1, 49))
    duplicates, table = Duplicates(total, percentage), ConditionalTable()
    # A worker whose first put is a duplicate has no key to repeat.
    most = next(number for number in range(total) if duplicates.is_duplicate(number))
    count = draw(st.integers(1, min(most, 3)))
    return [Sender(total, percentage, Segment(index, count), table) for index in range(count)], table


def run_to_the_end(workers: list[Sender], table: ConditionalTable, fates: list[str], data: st.DataObject) -> None:
    late: list[dict[str, Any]] = []
    while any(worker.position < worker.positions or worker.under_way for worker in workers):
        worker = data.draw(st.sampled_from([one for one in workers if one.position < one.positions or one.under_way]))
        if data.draw(st.booleans()) and worker.send():
            continue
        if not worker.under_way:
            worker.send()
        fate = data.draw(st.sampled_from(fates))
        document = worker.answer(data.draw(st.integers(0, len(worker.under_way) - 1)), fate)
        if fate == "applied late":
            late.append(document)
        if late and data.draw(st.booleans()):
            table.put(late.pop())


@settings(max_examples=50)
@given(senders(), st.data())
def test_all_duplicates_are_refused_and_no_original_is(
    case: tuple[list[Sender], ConditionalTable], data: st.DataObject
) -> None:
    workers, table = case
    run_to_the_end(workers, table, ["answered"], data)
    duplicates = workers[0].workload.mix.duplicates
    assert duplicates
    figures = [worker.kind.duplicate_figures for worker in workers]
    together = {name: sum(figure[name] for figure in figures) for name in figures[0]}
    assert together == {
        "sent": duplicates.count,
        "refused": duplicates.count,
        "accepted": 0,
        "unanswered": 0,
        "originals_refused": 0,
    }
    assert len(table.items) == duplicates.total - duplicates.count


@settings(max_examples=50)
@given(senders(), st.data())
def test_a_correct_table_has_no_accepted_duplicates(
    case: tuple[list[Sender], ConditionalTable], data: st.DataObject
) -> None:
    """A table that refuses duplicates has no accepted one in the results."""
    workers, table = case
    fates = ["answered", "answered", "throttled", "applied, answer lost", "applied late", "never applied"]
    run_to_the_end(workers, table, fates, data)
    for worker in workers:
        figures = worker.kind.duplicate_figures
        assert (figures["accepted"], figures["originals_refused"]) == (0, 0)
        assert figures["sent"] == figures["refused"] + figures["unanswered"]
        for index in worker.workload.journal.indexes():
            item = table.items.get(json.dumps(worker.workload.keys.key(index)["pk"]))
            assert judge(index, item, worker.workload.journal, worker.workload.items) not in BAD


def test_workers_that_start_with_a_duplicate_are_refused() -> None:
    with pytest.raises(ValueError, match=r"plan\.duplicate_percentage: .* at most 3 workers .* here are 4"):
        duplicating(100, 25, Segment(0, 4))
    assert duplicating(100, 25, Segment(0, 3))


def test_a_duplicate_waits_until_a_key_is_acknowledged() -> None:
    kind, workload = duplicating(4, 50)
    duplicates = workload.mix.duplicates
    assert duplicates
    numbers = [number for number in range(4) if duplicates.is_duplicate(number)]
    assert numbers == [1, 3]
    first = prepared(kind, 0)[1]
    assert kind.prepare(1) is None
    assert kind.duplicate_figures["sent"] == 0
    kind.succeeded(first, OK)
    document, work = prepared(kind, 1)
    assert document["Item"] == workload.items.item(0, 1)
    assert work == (0, 1, Kind.DUPLICATE)


def test_duplicates_and_originals_are_counted_separately() -> None:
    """The outcomes of duplicates and of originals are counted separately."""
    kind, workload = duplicating(20, 50)
    kind.succeeded(prepared(kind, 0)[1], OK)
    kind.succeeded(prepared(kind, 1)[1], OK)
    kind.failed(prepared(kind, 3)[1], REFUSED, False)
    kind.failed(prepared(kind, 5)[1], THROTTLED, False)
    kind.failed(prepared(kind, 7)[1], TIMEOUT, True)
    kind.failed(prepared(kind, 2)[1], REFUSED, False)
    kind.failed(prepared(kind, 4)[1], Outcome("expected", REFUSED.reason + "AfterUncertainAttempt"), False)
    kind.failed(prepared(kind, 6)[1], TIMEOUT, True)
    kind.unknown_outcome(prepared(kind, 8)[1])
    kind.unknown_outcome(prepared(kind, 9)[1])
    assert kind.duplicate_figures == {"sent": 5, "refused": 1, "accepted": 1, "unanswered": 2, "originals_refused": 1}
    # Original puts 0, 2, 4, 6, 8 are keys 0 to 4; duplicates write nothing.
    assert workload.journal.counts() == {"acknowledged": 1, "indeterminate": 2, "refused": 2}


def test_each_response_counts_once_with_duplicates() -> None:
    kind, _workload = duplicating(1000, 10)
    reported = Counter(kind.succeeded(prepared(kind, number)[1], OK) for number in range(1000))
    ((consumed, count),) = reported.items()
    assert consumed.remembered
    assert (count, consumed.write_units) == (1000, 1.0)
