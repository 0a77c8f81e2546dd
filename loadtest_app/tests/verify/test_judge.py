# SPDX-License-Identifier: Apache-2.0
"""Verification: the items that are read, compared with the journal."""

import json
from typing import Any

import pytest
from ddbload.dynamo.table import KeyAttribute
from ddbload.verify.judge import BAD, EXAMPLES, Finding, Tally, chosen, judge
from ddbload.workload.items import DynamoDbItem, ItemFactory
from ddbload.workload.journal.inserts import InsertJournal
from ddbload.workload.journal.state import Journal
from ddbload.workload.journal.versions import VersionJournal
from ddbload.workload.keys import KeySpace
from ddbload.workload.sizes import UniformSize
from hypothesis import given
from hypothesis import strategies as st

KEY = 3
KEYS = KeySpace([KeyAttribute("pk", "S")], "p")
ITEMS = ItemFactory(KEYS, UniformSize(1, 100, 200), 1, "this-run")
OTHERS = ItemFactory(KEYS, UniformSize(1, 100, 200), 1, "other-run")


def journal_of(*writes: str) -> Journal:
    """Return a journal after writes 0, 1, 2, ... like "put acknowledged", one after the other."""
    journal = VersionJournal()
    for version, write in enumerate(writes):
        kind, answer = write.split()
        journal.sent(KEY, version, delete=kind == "delete")
        if answer != "unanswered":
            getattr(journal, answer)(KEY, version, delete=kind == "delete")
    return journal


PUT, DELETE = "put acknowledged", "delete acknowledged"


@pytest.mark.parametrize(
    ("writes", "found", "finding"),
    [
        ([PUT], 0, Finding.PRESENT),
        ([PUT], None, Finding.LOST),
        ([PUT, PUT], 1, Finding.PRESENT),
        ([PUT, PUT], 0, Finding.LOST),
        ([PUT, PUT], None, Finding.LOST),
        ([PUT, "put refused"], 0, Finding.PRESENT),
        ([PUT, "put refused"], 1, Finding.LOST),
        ([PUT, "put indeterminate"], 0, Finding.PRESENT),
        ([PUT, "put indeterminate"], 1, Finding.INDETERMINATE),
        ([PUT, "put unanswered"], 1, Finding.INDETERMINATE),
        ([PUT, "put indeterminate"], None, Finding.LOST),
        ([PUT, "put indeterminate", PUT], 1, Finding.INDETERMINATE),
        ([PUT, "put indeterminate", PUT], 0, Finding.LOST),
        ([PUT, "delete indeterminate"], None, Finding.INDETERMINATE),
        ([PUT, "delete indeterminate"], 0, Finding.PRESENT),
        ([PUT, DELETE], None, Finding.ABSENT),
        ([PUT, DELETE], 0, Finding.PHANTOM),
        ([PUT, DELETE, PUT], 2, Finding.PRESENT),
        ([PUT, DELETE, PUT], 0, Finding.LOST),
        ([PUT, DELETE, "put indeterminate"], None, Finding.ABSENT),
        ([PUT, DELETE, "put indeterminate"], 2, Finding.INDETERMINATE),
        ([PUT, DELETE, "put indeterminate"], 0, Finding.PHANTOM),
        (["put refused"], None, Finding.ABSENT),
        (["put refused"], 0, Finding.PHANTOM),
        (["put indeterminate"], 0, Finding.INDETERMINATE),
        (["put indeterminate"], None, Finding.INDETERMINATE),
        (["put unanswered"], None, Finding.INDETERMINATE),
        (["put indeterminate", "put refused"], 1, Finding.PHANTOM),
    ],
)
def test_a_key_is_judged_by_its_possible_versions(writes: list[str], found: int | None, finding: Finding) -> None:
    item = None if found is None else ITEMS.item(KEY, found)
    assert judge(KEY, item, journal_of(*writes), ITEMS) == finding


@pytest.mark.parametrize(
    ("writes", "finding"),
    [
        ([PUT], Finding.LOST),
        ([PUT, DELETE], Finding.ABSENT),
        (["put refused"], Finding.ABSENT),
        (["put indeterminate"], Finding.INDETERMINATE),
    ],
)
def test_an_item_of_another_run_counts_as_none(writes: list[str], finding: Finding) -> None:
    journal = journal_of(*writes)
    assert judge(KEY, OTHERS.item(KEY, 0), journal, ITEMS) == finding
    assert judge(KEY, KEYS.key(KEY), journal, ITEMS) == finding
    assert judge(KEY, ITEMS.item(KEY, 0) | {"run": {"N": "1"}}, journal, ITEMS) == finding


@pytest.mark.parametrize("writes", [[PUT], [PUT, PUT], [PUT, DELETE], ["put indeterminate"], ["put refused"]])
@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"S": "x"}},
        {"data": ITEMS.item(KEY + 1, 0)["data"]},
        {"data": ITEMS.item(KEY, 1)["data"]},
        {"seq": {"S": "000000000001"}},
        {"seq": {"S": "1"}},
        {"seq": {"S": "9" * 5000}},
        {"seq": {"N": "0"}},
        {"seq": None},
        {"pk": {"S": "p#000000000004"}},
        {"more": {"BOOL": True}},
    ],
)
def test_an_item_whose_content_is_not_its_version_is_corrupt(writes: list[str], changes: dict[str, Any]) -> None:
    assert judge(KEY, ITEMS.item(KEY, 0) | changes, journal_of(*writes), ITEMS) == Finding.CORRUPT


def test_overlapping_writes_may_end_either_way() -> None:
    journal = VersionJournal()
    journal.sent(KEY, 0)
    journal.sent(KEY, 1)
    journal.acknowledged(KEY, 1)
    journal.acknowledged(KEY, 0)
    assert [judge(KEY, ITEMS.item(KEY, version), journal, ITEMS) for version in (0, 1)] == [Finding.PRESENT] * 2


class Table:
    """A linearizable table of one key; writes may take effect after their timeout."""

    def __init__(self) -> None:
        self.item: DynamoDbItem | None = None
        self.late: list[tuple[int, bool]] = []

    def write(self, version: int, delete: bool) -> None:
        self.item = None if delete else json.loads(ITEMS.json(KEY, version))


writes = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["done", "refused", "late", "never", "at once"])), max_size=12
)


@given(writes, st.data())
def test_a_correct_table_has_no_false_alarm(plan: list[tuple[bool, str]], data: st.DataObject) -> None:
    journal, table = VersionJournal(), Table()
    for version, (delete, fate) in enumerate(plan):
        journal.sent(KEY, version, delete=delete)
        while (position := data.draw(st.integers(-5, len(table.late) - 1))) >= 0:
            table.write(*table.late.pop(position))
        if fate in ("done", "at once"):
            table.write(version, delete)
        if fate == "late":
            table.late.append((version, delete))
        record = {"done": journal.acknowledged, "refused": journal.refused}.get(fate, journal.indeterminate)
        record(KEY, version, delete=delete)
    finding = judge(KEY, table.item, journal, ITEMS)
    assert finding not in BAD
    if all(fate in ("done", "refused") for _, fate in plan):
        assert finding == (Finding.PRESENT if table.item else Finding.ABSENT)


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_a_last_write_that_was_dropped_is_always_found(deletes: list[bool]) -> None:
    journal, table = VersionJournal(), Table()
    for version, delete in enumerate(deletes):
        journal.sent(KEY, version, delete=delete)
        journal.acknowledged(KEY, version, delete=delete)
        if version < len(deletes) - 1:
            table.write(version, delete)
    finding = judge(KEY, table.item, journal, ITEMS)
    if not deletes[-1]:
        assert finding == Finding.LOST
    else:
        assert finding == (Finding.PHANTOM if table.item else Finding.ABSENT)


def test_a_sample_is_deterministic_and_has_its_share() -> None:
    journal = InsertJournal(lambda index: index)
    for index in range(10_000):
        journal.acknowledged(index, index)
    tenth = list(chosen(journal, 0.1, 1))
    assert tenth == list(chosen(journal, 0.1, 1)) == sorted(tenth)
    assert set(tenth) < set(chosen(journal, 0.2, 1))
    # Five sigma of a binomial distribution.
    assert abs(len(tenth) - 1000) < 150
    assert tenth != list(chosen(journal, 0.1, 2))
    assert list(chosen(journal, 1.0, 1)) == list(range(10_000))
    assert list(chosen(journal, 0.0, 1)) == []


@pytest.mark.parametrize(
    ("answer", "found", "finding"),
    [
        ("acknowledged", True, Finding.PRESENT),
        ("acknowledged", False, Finding.LOST),
        ("indeterminate", True, Finding.INDETERMINATE),
        ("indeterminate", False, Finding.INDETERMINATE),
        ("refused", True, Finding.PHANTOM),
        ("refused", False, Finding.ABSENT),
    ],
)
def test_a_key_that_is_written_once_is_judged_by_its_bits(answer: str, found: bool, finding: Finding) -> None:
    journal = InsertJournal(lambda index: 7 * index)
    getattr(journal, answer)(KEY, 7 * KEY)
    assert judge(KEY, ITEMS.item(KEY, 7 * KEY) if found else None, journal, ITEMS) == finding
    assert judge(KEY, OTHERS.item(KEY, 7 * KEY), journal, ITEMS) == judge(KEY, None, journal, ITEMS)


def test_a_key_that_is_written_once_holds_no_other_version() -> None:
    journal = InsertJournal(lambda index: 7 * index)
    journal.acknowledged(KEY, 7 * KEY)
    assert judge(KEY, ITEMS.item(KEY, 0), journal, ITEMS) == Finding.LOST


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_an_invalid_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        chosen(VersionJournal(), share, 1)


def test_a_tally_counts_and_has_examples_of_bad_keys() -> None:
    journal = journal_of(PUT, "put indeterminate")
    tally = Tally(journal)
    tally.add(KEY, Finding.PRESENT, ITEMS.item(KEY, 0))
    tally.add(KEY, Finding.LOST, None)
    tally.add(KEY, Finding.CORRUPT, {"run": {"S": "this-run"}, "seq": {"S": "0\n" * 100}, "data": {"M": {}}})
    document = tally.document()
    assert document["examples"] == {
        "lost": ["key 3: expected version 0 or version 1, found no item"],
        "corrupt": [
            "key 3: expected version 0 or version 1, found run 'this-run' seq '"
            + r"0\n" * 13
            + " with no data in 3 attributes"
        ],
        "phantom": [],
    }
    del document["examples"]
    assert document == {
        "checked": 3,
        "present": 1,
        "absent": 0,
        "lost": 1,
        "corrupt": 1,
        "phantom": 0,
        "indeterminate": 0,
    }
    assert tally.bad == 2


def test_an_example_names_deletes_and_possible_versions() -> None:
    tally = Tally(journal_of(PUT, DELETE, *["put indeterminate"] * 9))
    tally.add(KEY, Finding.PHANTOM, ITEMS.item(KEY, 0))
    (line,) = tally.document()["examples"]["phantom"]
    assert line.startswith(
        "key 3: expected no item (delete 1) or version 10 or version 9 or version 8 or 6 others, found"
    )
    assert line.count("\n") == 0


counts = st.dictionaries(st.sampled_from(Finding), st.integers(0, 2 * EXAMPLES))


@given(counts, counts)
def test_merged_tallies_are_the_tally_of_all(one: dict[Finding, int], other: dict[Finding, int]) -> None:
    def tally(*parts: dict[Finding, int]) -> Tally:
        made = Tally()
        for part in parts:
            for finding, count in part.items():
                for index in range(count):
                    made.add(index, finding, None)
        return made

    merged = Tally.from_document(json.loads(json.dumps(tally(one).document())))
    merged.merge(tally(other))
    assert merged.document() == tally(one, other).document()
    assert all(len(lines) <= EXAMPLES for lines in merged.document()["examples"].values())
