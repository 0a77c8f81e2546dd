# SPDX-License-Identifier: Apache-2.0
"""The entries of the mix: each operation with its fields, and no others."""

import json
from typing import Any

import pytest
from ddbload.scenario.entries import (
    CHOOSING,
    CONDITIONAL,
    CONSISTENT,
    DEFAULT_ITEMS,
    MOST_ITEMS,
    OPERATIONS,
    PARTIQL,
    READS,
    STATEMENTS,
    MixEntry,
    document_of,
    read,
)
from ddbload.scenario.reader import Reader
from ddbload.workload import choice
from ddbload.workload.choice import chooser_of
from hypothesis import given
from hypothesis import strategies as st

exponents = st.floats(0.01, 5)
distributions = st.one_of(
    st.sampled_from(["uniform", "sequential", "zipfian", "latest", "hot_set"]),
    st.fixed_dictionaries({"type": st.sampled_from(["zipfian", "latest"])}, optional={"exponent": exponents}),
    st.fixed_dictionaries(
        {"type": st.just("hot_set")}, optional={"keys_share": st.floats(1e-9, 1), "operations_share": st.floats(0, 1)}
    ),
)


def entries_of(operation: str) -> st.SearchStrategy[dict[str, Any]]:
    if operation in PARTIQL:
        return st.sampled_from(STATEMENTS).flatmap(lambda statement: fields_of(operation, statement))
    return fields_of(operation)


def fields_of(operation: str, statement: str = "select") -> st.SearchStrategy[dict[str, Any]]:
    fields: dict[str, st.SearchStrategy[Any]] = {}
    if operation in CHOOSING and statement != "insert":
        fields["keys"] = distributions
    if operation in CONSISTENT and statement == "select":
        fields["consistent"] = st.booleans()
    if operation in CONDITIONAL:
        fields["condition"] = st.sampled_from(["none", "not_exists", "exists"])
    if operation in MOST_ITEMS:
        fields["items"] = st.integers(1, MOST_ITEMS[operation])
    if operation in ("query", "scan"):
        fields |= {"limit": st.integers(1, 100_000), "index": st.text(max_size=9)}
    if operation == "scan":
        fields["segments"] = st.integers(1, 1_000_000)
    given = {"operation": st.just(operation), "weight": st.integers(1, 10_000)}
    if operation in PARTIQL:
        given["statement"] = st.just(statement)
    return st.fixed_dictionaries(given, optional=fields)


own_names = st.from_regex("[A-Za-z0-9_-]{1,9}", fullmatch=True)
mix_documents = st.one_of(
    st.dictionaries(st.sampled_from(OPERATIONS), st.integers(1, 10_000), min_size=1),
    st.dictionaries(own_names, st.sampled_from(OPERATIONS).flatmap(entries_of), min_size=1, max_size=5),
)


def parse(document: Any) -> tuple[dict[str, MixEntry], list[str]]:
    """Return the entries of a mix, and its problems."""
    reader = Reader({"mix": document})
    entries = read(reader)
    reader.finish()
    return entries, reader.problems


@given(mix_documents)
def test_a_mix_survives_its_document(document: dict[str, Any]) -> None:
    entries, problems = parse(document)
    assert problems == []
    assert list(entries) == list(document)
    again = {name: document_of(entry) for name, entry in entries.items()}
    assert parse(json.loads(json.dumps(again))) == (entries, [])


@given(mix_documents)
def test_entry_returns_all_of_its_fields(document: dict[str, Any]) -> None:
    entries, _problems = parse(document)
    for name, given_entry in document.items():
        reported = document_of(entries[name])
        expected = given_entry if isinstance(given_entry, dict) else {"operation": name, "weight": given_entry}
        assert {field: reported[field] for field in expected if field != "keys"} == {
            field: value for field, value in expected.items() if field != "keys"
        }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_by_its_name_alone_has_its_defaults(operation: str) -> None:
    entries, problems = parse({operation: 3})
    assert problems == []
    entry = entries[operation]
    assert (entry.operation, entry.weight, entry.consistent, entry.condition) == (operation, 3, False, "none")
    assert entry.items == DEFAULT_ITEMS.get(operation, 1)
    assert entry.keys == ({"type": "uniform"} if operation in CHOOSING and operation != "put" else {})


@pytest.mark.parametrize(
    ("entry", "inserts"),
    [
        (MixEntry("put", 1), 1),
        (MixEntry("put", 1, {"type": "uniform"}), 0),
        (MixEntry("update", 1, {"type": "uniform"}), 0),
        (MixEntry("delete", 1, {"type": "uniform"}), 0),
        (MixEntry("batch_write", 1, items=25), 25),
        (MixEntry("transact_write", 1, items=2), 2),
        (MixEntry("execute_statement", 1, statement="insert"), 1),
        (MixEntry("batch_execute_statement", 1, items=25, statement="insert"), 25),
        (MixEntry("batch_execute_statement", 1, {"type": "uniform"}, items=25, statement="update"), 0),
        (MixEntry("execute_transaction", 1, items=2, statement="select"), 0),
        *[(MixEntry(operation, 1, items=9), 0) for operation in READS],
    ],
)
def test_a_batch_of_new_keys_inserts_each_of_its_items(entry: MixEntry, inserts: int) -> None:
    assert entry.inserts == inserts


@given(mix_documents)
def test_operations_without_a_key_choose_none(document: dict[str, Any]) -> None:
    entries, _problems = parse(document)
    for entry in entries.values():
        assert bool(entry.keys) <= (entry.operation in CHOOSING)
        assert entry.inserts == 0 or entry.writes


def test_without_a_mix_there_are_puts() -> None:
    assert parse({}) == ({"put": MixEntry("put", 1)}, [])
    reader = Reader({})
    assert read(reader) == {"put": MixEntry("put", 1)}


def test_an_entry_without_weight_is_left_out() -> None:
    entries, problems = parse({"put": 0, "get": 1})
    assert (list(entries), problems) == (["get"], [])


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"type": "uniform"}, choice.Uniform),
        ({"type": "sequential"}, choice.Sequential),
        ({"type": "zipfian", "exponent": 0.99}, choice.Zipfian),
        ({"type": "latest", "exponent": 0.99}, choice.Latest),
        ({"type": "hot_set", "keys_share": 0.1, "operations_share": 0.9}, choice.HotSet),
    ],
)
def test_each_distribution_has_its_chooser(document: dict[str, Any], kind: type) -> None:
    assert type(chooser_of(document, 1)) is kind


def test_a_chooser_has_the_parameters_of_its_document() -> None:
    same = choice.Zipfian(5, 1.5)
    made = chooser_of({"type": "zipfian", "exponent": 1.5}, 5)
    assert [made.choose(number, 1000) for number in range(50)] == [same.choose(number, 1000) for number in range(50)]
    # Every operation takes one of the two hot keys of a hundred.
    hot = chooser_of({"type": "hot_set", "keys_share": 0.02, "operations_share": 1.0}, 5)
    assert len({hot.choose(number, 100) for number in range(500)}) == 2


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"put": 0}, "mix", "weight above 0"),
        ({"put": None}, "mix.put.weight", "whole number"),
        ({"put": 1.5}, "mix.put.weight", "got 1.5"),
        ({"put": True}, "mix.put.weight", "got true"),
        ({"put": {"weight": 10_001}}, "mix.put.weight", "from 0 to 10,000"),
        ({"read": 1}, "mix.read", "is no operation; known are put, update"),
        ({"read": {"weight": 1}}, "mix.read", 'needs {"operation": ...}'),
        ({"read": {"operation": "fetch"}}, "mix.read.operation", "one of put, update"),
        ({"a b": 1}, "mix.a b", "letters, digits, - and _ only"),
        ({"": 1}, "mix", "letters, digits, - and _ only"),
        ({"put": {"consistent": True}}, "mix.put.consistent", "is no field"),
        ({"transact_get": {"consistent": True}}, "mix.transact_get.consistent", "is no field"),
        ({"batch_write": {"condition": "exists"}}, "mix.batch_write.condition", "is no field"),
        ({"scan": {"keys": "uniform"}}, "mix.scan.keys", "is no field"),
        ({"batch_write": {"keys": "uniform"}}, "mix.batch_write.keys", "is no field"),
        ({"query": {"segments": 2}}, "mix.query.segments", "is no field"),
        ({"put": {"condition": "maybe"}}, "mix.put.condition", "one of none, not_exists, exists"),
        ({"batch_write": {"items": 26}}, "mix.batch_write.items", "from 1 to 25"),
        ({"batch_get": {"items": 101}}, "mix.batch_get.items", "from 1 to 100"),
        ({"transact_write": {"items": 0}}, "mix.transact_write.items", "from 1 to 100"),
        ({"get": {"keys": 5}}, "mix.get.keys.type", "one of uniform, sequential, zipfian"),
        ({"batch_execute_statement": {"items": 26}}, "mix.batch_execute_statement.items", "from 1 to 25"),
        ({"execute_transaction": {"items": 101}}, "mix.execute_transaction.items", "from 1 to 100"),
        ({"execute_statement": {"items": 1}}, "mix.execute_statement.items", "is no field"),
        ({"execute_transaction": {"consistent": True}}, "mix.execute_transaction.consistent", "is no field"),
        ({"execute_statement": {"statement": "merge"}}, "mix.execute_statement.statement", "select, insert, update"),
        ({"put": {"statement": "insert"}}, "mix.put.statement", "is no field"),
        ({"get": {"keys": "zipf"}}, "mix.get.keys.type", "one of uniform, sequential, zipfian"),
        ({"get": {"keys": {"type": "uniform", "exponent": 1}}}, "mix.get.keys.exponent", "is no field"),
        ({"get": {"keys": {"type": "zipfian", "exponent": 0}}}, "mix.get.keys.exponent", "from 0.01"),
        ({"get": {"keys": {"type": "hot_set", "keys_share": 2}}}, "mix.get.keys.keys_share", "share of the keys"),
        ({"query": {"index": 5}}, "mix.query.index", "name of a secondary index"),
        (7, "mix", "must be an object"),
    ],
)
def test_a_problem_has_its_field_and_value(document: Any, field: str, words: str) -> None:
    _entries, problems = parse(document)
    (problem,) = problems
    assert problem.startswith(f"scenario: {field}: ")
    assert words in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        (
            {"one": {"operation": "execute_statement", "statement": "insert", "keys": "zipfian"}},
            "mix.one.keys",
            "takes new keys",
        ),
        (
            {"one": {"operation": "execute_statement", "statement": "update", "consistent": True}},
            "mix.one.consistent",
            "is no field",
        ),
    ],
)
def test_a_field_that_the_statement_lacks_is_named(document: Any, field: str, words: str) -> None:
    _entries, problems = parse(document)
    (problem,) = problems
    assert problem.startswith(f"scenario: {field}: ")
    assert words in problem
    assert "\n" not in problem
