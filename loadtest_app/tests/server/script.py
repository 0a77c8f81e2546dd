# SPDX-License-Identifier: Apache-2.0
"""Faults by script: rules of the form ``{"when": {...}, "what": {...}}``, in JSON.

Every rule that matches a request applies: delays add up, the first outcome counts. An empty ``when`` matches every
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
# The pseudo-operation of a new connection; its numbers count the connections.
CONNECT = "connect"
DIGITS = re.compile(r"(\d+)\D*$")
MASK = (1 << 64) - 1
FAR = 1 << 62


class ScriptError(ValueError):
    """A script that is not valid; the text states the rule and the cause."""


@dataclass(frozen=True)
class When:
    """The requests that a rule applies to; all given conditions have to hold.

    Attributes:
        operation: DynamoDB's name of one, or a list of them; "connect" for connections.
        numbers: from (included) to (not included) among the requests of these operations, counted from 0.
        every: each ``every``-th of them; ``offset`` is the first one's number.
        share: of them, by chance; which ones depends on ``seed`` and the number alone.
        window_s: from and to, in seconds since the first data request; repeated every ``each_s`` seconds, if given.
        key_numbers: from and to of the number at the end of the partition key's value, of any key of the request.
        key_every: each ``key_every``-th of these numbers.
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
        """Return whether requests of an operation count for the rule."""
        if self.operation is None:
            return operation not in (DESCRIBE, CONNECT)
        return operation == self.operation or (isinstance(self.operation, list) and operation in self.operation)

    def holds(self, number: int, elapsed_s: float, keys: Sequence[Item], at_end: bool) -> bool:
        """Return whether the rule applies to request ``number``; ``at_end`` leaves its window out."""
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
    """The faults that a rule injects.

    Attributes:
        delay_ms: the response is delayed by these milliseconds.
        slow_start: ``{"seconds", "delay_ms"}``: a delay that falls evenly to 0 within these seconds.
        stall: no response is sent within the rule's window, whenever its request came; all wait for the window's end.
        throttle: ``{"reason"}`` and, where they differ from the table's, ``"type"`` and ``"resource"``.
        error: ``{"type"}`` and, where wanted, ``"status"`` and ``"message"``.
        cancel: ``{"code", "index"}``: a transaction is cancelled for the item at this index.
        answer: ``{"document"}`` or ``{"text"}``, whose characters are bytes, and, where wanted, ``"status"``: this
            response to any request.
        lose_request: "reset" or "silent": nothing is done, and no response is sent.
        lose_answer: "reset" or "silent": all is done, and no response is sent.
        apply_late: ``{"ms"}`` and, where not silent, ``"then": "reset"``: no response; the write is applied later.
        drop_write: the response reports a success; nothing is done. Reads are not affected.
        corrupt: the response reports a success; other data are stored. Reads and deletes are not affected.
        stale: a read by key returns the item before its last write. Writes are not affected.
        unprocessed: ``{"share"}`` of a batch's entries, rounded up, are returned unprocessed.
        reset: the connection is reset in the middle of the response.
        bad_crc: the response's checksum is wrong.
        close: the connection is closed after the response, whose Connection header says so.
        chunked: the response has the chunked transfer coding.
        pieces: the response is sent in pieces of this many bytes.
        headers: additional headers of the response.
        refuse: a new connection is reset.
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
        """Return the response's delay in seconds, at ``elapsed_s`` seconds after the first data request."""
        delay_ms = self.delay_ms
        if self.slow_start and elapsed_s < self.slow_start["seconds"]:
            delay_ms += self.slow_start["delay_ms"] * (1 - elapsed_s / self.slow_start["seconds"])
        return delay_ms / 1000


class Rule(NamedTuple):
    """One rule."""

    when: When
    what: What


class Request(NamedTuple):
    """A request, as a script that is a function takes it.

    ``number`` counts the requests of its operation from 0; ``elapsed_s`` is since the first data request.
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
        ScriptError: it is not valid.
    """
    rules = []
    for position, entry in enumerate(document):
        unknown = set(entry) - {"when", "what"}
        if unknown or not entry.get("what"):
            raise ScriptError(f"script[{position}]: a rule has the members when and what, and what is not empty")
        when: When = _build(When, entry.get("when", {}), f"script[{position}].when")
        what = parse_what(entry["what"], f"script[{position}].what")
        if what.stall and when.window_s is None:
            raise ScriptError(f"script[{position}]: a stall needs a window_s")
        rules.append(Rule(when, what))
    return rules


def parse_what(document: Mapping[str, Any], path: str = "what") -> What:
    """Read a rule's second half.

    Raises:
        ScriptError: it is not valid.
    """
    what: What = _build(What, document, path)
    return what


def _build(kind: Any, document: Mapping[str, Any], path: str) -> Any:
    known = [field.name for field in fields(kind)]
    for name in document:
        if name not in known:
            raise ScriptError(f"{path}.{name}: unknown; known are {', '.join(known)}")
    return kind(**document)


def chance(seed: int, number: int) -> float:
    """Return a number from 0 to 1 that looks random: Sebastiano Vigna's splitmix64 (https://prng.di.unimi.it)."""
    mixed = (seed + (number + 1) * 0x9E3779B97F4A7C15) & MASK
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & MASK
    return (mixed ^ mixed >> 31) / 2**64
