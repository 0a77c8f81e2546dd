# SPDX-License-Identifier: Apache-2.0
"""Faults by script: rules of the form ``{"when": {...}, "what": {...}}``, in JSON.

Every rule that matches a request has its say: delays add up, the first outcome counts. An empty ``when`` matches every
data request (all but DescribeTable).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from server.values import Item

DESCRIBE = "DescribeTable"
# The pseudo-operation of a connection that is made; its numbers count the connections.
CONNECT = "connect"
DIGITS = re.compile(r"(\d+)\D*$")
MASK = (1 << 64) - 1
FAR = 1 << 62


class ScriptError(ValueError):
    """A script that is none; the text says which rule and why."""


@dataclass(frozen=True)
class When:
    """Which requests a rule is about; all that is given has to be so.

    Attributes:
        operation: DynamoDB's name of one, or a list of them; "connect" for connections.
        numbers: from (included) to (not included) among the requests of these operations, counted from 0.
        every: each so manieth of them; ``offset`` is the first one's number.
        share: of them, by chance; which ones depends on ``seed`` and the number alone.
        window_s: from and to, in seconds since the first data request; with ``each_s`` again in every such period.
        key_numbers: from and to of the number at the end of the partition key's value, of any key of the request.
        key_every: each so manieth of such numbers.
    """

    operation: Any = None
    numbers: Sequence[float] = (0, FAR)
    every: int = 1
    offset: int = 0
    share: float = 1.0
    seed: int = 1
    window_s: Sequence[float] | None = None
    each_s: float = math.inf
    key_numbers: Sequence[float] | None = None
    key_every: int = 1

    def is_about(self, operation: str) -> bool:
        """Tell whether requests of an operation count for the rule."""
        if self.operation is None:
            return operation not in (DESCRIBE, CONNECT)
        return operation == self.operation or (isinstance(self.operation, list) and operation in self.operation)

    def holds(self, number: int, elapsed_s: float, keys: Sequence[Item], at_end: bool) -> bool:
        """Tell whether the rule is about request ``number``; ``at_end`` leaves its window out."""
        if not self.numbers[0] <= number < self.numbers[1] or number % self.every != self.offset % self.every:
            return False
        if self.share < 1 and chance(self.seed, number) >= self.share:
            return False
        if (self.key_numbers or self.key_every > 1) and not any(map(self._has_key, keys)):
            return False
        return at_end or self.window_s is None or self.leave_s(elapsed_s) > elapsed_s

    def leave_s(self, elapsed_s: float) -> float:
        """Return the end of the window that an instant lies in; the instant itself where it lies in none."""
        assert self.window_s
        begin, end = self.window_s
        into = elapsed_s % self.each_s if self.each_s < math.inf else elapsed_s
        return elapsed_s + (end - into) if begin <= into < end else elapsed_s

    def _has_key(self, key: Item) -> bool:
        digits = DIGITS.search(str(next(iter(next(iter(key.values())).values()))))
        if digits is None:
            return False
        number = int(digits.group(1))
        low, high = self.key_numbers or (0, FAR)
        return low <= number < high and number % self.key_every == 0


@dataclass(frozen=True)
class What:
    """What happens.

    Attributes:
        delay_ms: the answer leaves so much later.
        slow_start: ``{"seconds", "delay_ms"}``: a delay that falls evenly to nothing within so many seconds.
        stall: no answer leaves within the rule's window, whenever its request came; all wait for the window's end.
        throttle: ``{"reason"}`` and, where they differ from the table's, ``"type"`` and ``"resource"``.
        error: ``{"type"}`` and, where wanted, ``"status"`` and ``"message"``.
        cancel: ``{"code", "place"}``: a transaction is cancelled on account of its item at this place.
        answer: ``{"document"}`` or ``{"text"}``, whose characters are bytes, and, where wanted, ``"status"``: this
            answer, whatever was asked.
        lose_request: "reset" or "silent": nothing is done, and no answer comes.
        lose_answer: "reset" or "silent": all is done, and no answer comes.
        apply_late: ``{"ms"}`` and, where not silent, ``"then": "reset"``: no answer comes; it is done so much later.
        drop_write: the answer says that all is well; nothing is done. Of reads it says nothing.
        corrupt: the answer says that all is well; other data are stored. Of reads and deletes it says nothing.
        stale: what is read by key is as it was before it was last written. Of writes it says nothing.
        unprocessed: ``{"share"}`` of a batch's entries, rounded up, are given back undone.
        reset: the connection is reset in the middle of the answer.
        bad_crc: the answer's checksum is wrong.
        close: the connection is closed after the answer, which says so.
        chunked: the answer comes in chunks.
        pieces: the answer comes in pieces of so many bytes.
        headers: of the answer, in addition.
        refuse: a connection is reset when it is made.
    """

    delay_ms: float = 0.0
    slow_start: Mapping[str, float] | None = None
    stall: bool = False
    throttle: Mapping[str, str] | None = None
    error: Mapping[str, Any] | None = None
    cancel: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None
    lose_request: str | None = None
    lose_answer: str | None = None
    apply_late: Mapping[str, Any] | None = None
    drop_write: bool = False
    corrupt: bool = False
    stale: bool = False
    unprocessed: Mapping[str, float] | None = None
    reset: bool = False
    bad_crc: bool = False
    close: bool = False
    chunked: bool = False
    pieces: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    refuse: bool = False

    def delay_s(self, elapsed_s: float) -> float:
        """Return by how many seconds the answer is delayed, so long after the first data request."""
        delay_ms = self.delay_ms
        if self.slow_start and elapsed_s < self.slow_start["seconds"]:
            delay_ms += self.slow_start["delay_ms"] * (1 - elapsed_s / self.slow_start["seconds"])
        return delay_ms / 1000


class Rule(NamedTuple):
    """One rule."""

    when: When
    what: What


class Request(NamedTuple):
    """What a script that is a function is told of a request.

    ``number`` is its place among those of its operation, from 0; ``elapsed_s`` is since the first data request.
    """

    operation: str
    number: int
    elapsed_s: float
    keys: Sequence[Item]
    body: Mapping[str, Any]


Function = Callable[[Request], Mapping[str, Any] | None]


def parse(document: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Read a script.

    Raises:
        ScriptError: it is none.
    """
    rules = []
    for place, entry in enumerate(document):
        unknown = set(entry) - {"when", "what"}
        if unknown or not entry.get("what"):
            raise ScriptError(f"script[{place}]: a rule has the members when and what, and what is not empty")
        when: When = _build(When, entry.get("when", {}), f"script[{place}].when")
        what = parse_what(entry["what"], f"script[{place}].what")
        if what.stall and when.window_s is None:
            raise ScriptError(f"script[{place}]: a stall needs a window_s")
        rules.append(Rule(when, what))
    return rules


def parse_what(document: Mapping[str, Any], path: str = "what") -> What:
    """Read a rule's second half.

    Raises:
        ScriptError: it is none.
    """
    what: What = _build(What, document, path)
    return what


def _build(kind: Any, document: Mapping[str, Any], path: str) -> Any:
    known = [field.name for field in fields(kind)]
    for name in document:
        if name not in known:
            raise ScriptError(f"{path}.{name}: there is no such thing; known are {', '.join(known)}")
    return kind(**document)


def chance(seed: int, number: int) -> float:
    """Return a number from 0 to 1 that looks random: Sebastiano Vigna's splitmix64 (https://prng.di.unimi.it)."""
    mixed = (seed + (number + 1) * 0x9E3779B97F4A7C15) & MASK
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & MASK
    return (mixed ^ mixed >> 31) / 2**64
