# SPDX-License-Identifier: Apache-2.0
"""Journals: the possible versions are exactly the results of all orders of the writes.

The journal of keys that are written once has less detail, and is compared with the other one.
"""

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

import pytest
from ddbload.workload.journal.inserts import InsertJournal
from ddbload.workload.journal.state import ABSENT, Journal, State
from ddbload.workload.journal.versions import VersionJournal
from hypothesis import given
from hypothesis import strategies as st

KEY = 5
OWN_VERSION = 0
ANSWERS = ("acknowledged", "refused", "indeterminate")
kinds = pytest.mark.parametrize("make", [VersionJournal, lambda: InsertJournal(lambda index: OWN_VERSION)])
# Neighbours, and both sides of the borders of bytes, words and pages.
indexes = st.sampled_from([0, 1, 7, 8, 31, 32, 32_767, 32_768, 10**9, 10**12 - 1])
answers = st.sampled_from(ANSWERS)

# "put" and "delete" send a write with the next version, "again" the last answered one once more; the others answer the
# n-th write under way.
steps = st.lists(
    st.tuples(st.sampled_from(("put", "put", "delete", "again", *ANSWERS, "acknowledged")), st.integers(0, 4)),
    max_size=14,
)


@dataclass
class Write:
    """A write as a client sees it."""

    version: int
    delete: bool
    sent: int
    answered: int | None = None
    answer: str = ""

    @property
    def leaves(self) -> int:
        return -1 - self.version if self.delete else self.version


class Client:
    """Sends writes to one key, and records them in a journal."""

    def __init__(self, journal: Journal, key: int = KEY) -> None:
        self.journal = journal
        self.key = key
        self.writes: list[Write] = []
        self.clock = 0

    def under_way(self) -> list[Write]:
        return [write for write in self.writes if write.answered is None]

    def do(self, action: str, position: int) -> None:
        self.clock += 1
        under_way = self.under_way()
        if action == "again":
            answered = [write for write in self.writes if write.answered is not None]
            if answered and answered[-1].leaves not in [write.leaves for write in under_way]:
                self.send(answered[-1].version, answered[-1].delete)
        elif action in ("put", "delete"):
            self.send(max((write.version for write in self.writes), default=-1) + 1, action == "delete")
        elif under_way:
            write = under_way[position % len(under_way)]
            write.answered, write.answer = self.clock, action
            getattr(self.journal, action)(self.key, write.version, delete=write.delete)

    def send(self, version: int, delete: bool) -> None:
        if len(self.writes) < 5:
            self.writes.append(Write(version, delete, self.clock))
            self.journal.sent(self.key, version, delete=delete)


def orders(writes: list[Write]) -> Iterator[tuple[Write, ...]]:
    """Return every order in which writes can have taken effect, each between sending and acknowledgement."""
    done = [write for write in writes if write.answer == "acknowledged"]
    maybe = [write for write in writes if write.answer in ("", "indeterminate")]
    for count in range(len(maybe) + 1):
        for some in combinations(maybe, count):
            for order in permutations(done + list(some)):
                if not any(
                    after.answer == "acknowledged" and after.answered is not None and after.answered < before.sent
                    for position, before in enumerate(order)
                    for after in order[position + 1 :]
                ):
                    yield order


def legal(writes: list[Write]) -> State:
    last = [order[-1] if order else None for order in orders(writes)]
    left = {write.leaves if write else ABSENT for write in last}
    by_acknowledged = {write.leaves for write in last if write and write.answer == "acknowledged"}
    some_done = any(write.answer == "acknowledged" for write in writes)
    return State(frozenset(left), frozenset(by_acknowledged if some_done else {ABSENT}))


@given(steps=steps)
def test_possible_versions_are_those_of_some_order(steps: list[tuple[str, int]]) -> None:
    client = Client(VersionJournal())
    for step in steps:
        client.do(*step)
        assert client.journal.state(KEY) == legal(client.writes)


@given(steps=steps, data=st.data())
def test_a_register_always_has_a_possible_version(steps: list[tuple[str, int]], data: st.DataObject) -> None:
    client = Client(VersionJournal())
    standing = ABSENT
    applied: list[int] = []

    def apply(write: Write) -> None:
        nonlocal standing
        if id(write) not in applied:
            applied.append(id(write))
            standing = write.leaves

    for action, position in steps:
        open_ = [write for write in client.writes if write.answer in ("", "indeterminate")]
        for write in data.draw(st.permutations(open_)):
            if data.draw(st.booleans()):
                apply(write)
        under_way = client.under_way()
        if action in ANSWERS and under_way:
            write = under_way[position % len(under_way)]
            if action == "acknowledged":
                apply(write)
            if action == "refused" and id(write) in applied:
                continue
        client.do(action, position)
        assert standing in client.journal.state(KEY).legal


@given(st.lists(st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from(ANSWERS[:2])), min_size=1, max_size=5))
def test_writes_without_overlap_have_one_possible_version(writes: list[tuple[str, str]]) -> None:
    client = Client(VersionJournal())
    for action, answer in writes:
        client.do(action, 0)
        client.do(answer, 0)
    done = [write.leaves for write in client.writes if write.answer == "acknowledged"]
    state = client.journal.state(KEY)
    assert state.legal == {done[-1] if done else ABSENT}
    assert not state.possible


@given(st.lists(st.tuples(indexes, answers), max_size=30), st.integers(0, 10**12))
def test_both_journals_agree_after_all_responses(attempts: list[tuple[int, str]], step: int) -> None:
    def version_of(index: int) -> int:
        return index * 3 + step

    one, two = VersionJournal(), InsertJournal(version_of)
    for journal in (one, two):
        for index, answer in attempts:
            journal.sent(index, version_of(index))
            getattr(journal, answer)(index, version_of(index))
    keys = list(one.indexes())
    assert keys == list(two.indexes()) == sorted({index for index, _answer in attempts})
    assert [one.state(key) for key in keys] == [two.state(key) for key in keys]
    assert [one.is_acknowledged(key) for key in keys] == [two.is_acknowledged(key) for key in keys]
    assert one.counts() == two.counts()
    assert one.newest_acknowledged == two.newest_acknowledged


@given(st.dictionaries(indexes, answers), st.data())
def test_responses_may_arrive_in_any_order(answered: dict[int, str], data: st.DataObject) -> None:
    def journal_of(order: list[int]) -> tuple[list[int], dict[str, int], int]:
        journal = InsertJournal(lambda index: index)
        for index in answered:
            journal.sent(index, index)
        for index in order:
            getattr(journal, answered[index])(index, index)
        return list(journal.indexes()), journal.counts(), journal.newest_acknowledged

    assert journal_of(list(answered)) == journal_of(data.draw(st.permutations(list(answered))))


@kinds
def test_a_journal_counts_its_keys(make: Callable[[], Journal]) -> None:
    journal = make()
    for index in range(30_000):
        journal.sent(index, OWN_VERSION)
        getattr(journal, ANSWERS[index % 3])(index, OWN_VERSION)
    assert journal.counts() == {"acknowledged": 10_000, "indeterminate": 10_000, "refused": 10_000}
    assert list(journal.indexes()) == list(range(30_000))
    assert journal.newest_acknowledged == 29_997
    assert [journal.is_acknowledged(index) for index in range(3)] == [True, False, False]


def test_an_indeterminate_key_counts_beside_its_last_write() -> None:
    journal = VersionJournal()
    journal.sent(KEY, 0)
    journal.acknowledged(KEY, 0)
    journal.sent(KEY, 1)
    assert journal.counts() == {"acknowledged": 1, "indeterminate": 1, "refused": 0}
    assert journal.state(KEY).possible
    journal.indeterminate(KEY, 1)
    assert journal.counts() == {"acknowledged": 1, "indeterminate": 1, "refused": 0}
    assert journal.state(KEY) == State(frozenset({0, 1}), frozenset({0}))


def test_the_newest_key_is_the_highest_that_was_put() -> None:
    journal = VersionJournal()
    assert journal.newest_acknowledged == -1
    for index, delete in ((3, False), (2, False), (9, True)):
        journal.sent(index, OWN_VERSION, delete=delete)
        journal.acknowledged(index, OWN_VERSION, delete=delete)
    assert journal.newest_acknowledged == 3
    assert [journal.is_acknowledged(index) for index in (2, 3, 9, 10)] == [True, True, False, False]


@kinds
def test_a_refused_or_uncertain_write_makes_no_key_the_newest(make: Callable[[], Journal]) -> None:
    """A refused or indeterminate write makes no key the newest."""
    journal = make()
    for index, answer in ((1, "acknowledged"), (2, "refused"), (3, "indeterminate")):
        journal.sent(index, OWN_VERSION)
        getattr(journal, answer)(index, OWN_VERSION)
    assert journal.newest_acknowledged == 1


def test_a_key_with_a_write_in_flight_is_indeterminate() -> None:
    """A key with a write in flight is indeterminate in one kind of journal, and unknown in the other."""
    versions, inserts = VersionJournal(), InsertJournal(lambda index: OWN_VERSION)
    for journal in (versions, inserts):
        journal.sent(KEY, OWN_VERSION)
    assert versions.state(KEY) == State(frozenset({ABSENT, OWN_VERSION}), frozenset({ABSENT}))
    assert (list(versions.indexes()), versions.counts()["indeterminate"]) == ([KEY], 1)
    assert inserts.state(KEY) == State(frozenset({ABSENT}), frozenset({ABSENT}))
    assert (list(inserts.indexes()), inserts.counts()["indeterminate"]) == ([], 0)


def test_a_key_written_once_has_its_operations_version() -> None:
    """A key that is written once has the version of its operation."""
    journal = InsertJournal(lambda index: index * 4 + 1)
    journal.acknowledged(KEY, 21)
    journal.indeterminate(KEY + 1, 25)
    assert journal.state(KEY) == State(frozenset({21}), frozenset({21}))
    assert journal.state(KEY + 1) == State(frozenset({25, ABSENT}), frozenset({ABSENT}))


@kinds
def test_an_unknown_key_has_no_item(make: Callable[[], Journal]) -> None:
    assert make().state(KEY) == State(frozenset({ABSENT}), frozenset({ABSENT}))
    assert list(make().indexes()) == []


@kinds
def test_a_write_does_not_affect_neighbouring_keys(make: Callable[[], Journal]) -> None:
    journal, untouched = make(), make().state(KEY)
    journal.sent(KEY, OWN_VERSION)
    journal.acknowledged(KEY, OWN_VERSION)
    assert [journal.state(index) for index in (KEY - 1, KEY + 1)] == [untouched] * 2
    assert not journal.is_acknowledged(KEY + 1)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_response_without_a_write_is_refused(answer: str) -> None:
    journal = VersionJournal()
    with pytest.raises(ValueError, match="not under way"):
        getattr(journal, answer)(KEY, OWN_VERSION)
    journal.sent(KEY, OWN_VERSION)
    getattr(journal, answer)(KEY, OWN_VERSION)
    with pytest.raises(ValueError, match="not under way"):
        getattr(journal, answer)(KEY, OWN_VERSION)


def test_the_same_write_cannot_be_in_flight_twice() -> None:
    journal = VersionJournal()
    journal.sent(KEY, OWN_VERSION)
    with pytest.raises(ValueError, match="sent twice"):
        journal.sent(KEY, OWN_VERSION)


def held_bytes(make: Callable[[], Journal], keys: int) -> int:
    tracemalloc.start()
    journal = make()
    for index in range(keys):
        journal.sent(index, index)
        journal.acknowledged(index, index)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held


def test_a_key_that_is_written_once_takes_little_more_than_a_bit() -> None:
    assert held_bytes(lambda: InsertJournal(lambda index: index), 163_840) * 8 < 1.2 * 163_840


def test_a_key_that_is_overwritten_takes_less_than_sixteen_bytes() -> None:
    assert held_bytes(VersionJournal, 100_000) < 16 * 100_000


def test_a_failed_key_takes_a_bit_for_each_kind_of_failure() -> None:
    """A failed key takes a bit for each kind of failure."""
    tracemalloc.start()
    journal = InsertJournal(lambda index: index)
    for index in range(163_840):
        journal.indeterminate(index, index)
        journal.refused(index, index)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held * 8 < 2.4 * 163_840
    assert journal.counts() == {"acknowledged": 0, "indeterminate": 163_840, "refused": 0}
