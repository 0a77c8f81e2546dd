# SPDX-License-Identifier: Apache-2.0
"""A table behind a script: takes requests, and sends their responses when they are due."""

from __future__ import annotations

import asyncio
import calendar
import functools
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from server.clock import Agenda
from server.database import Database, keys_of, of_error
from server.errors import ApiError
from server.faults import Fate, Faults, is_decisive
from server.http import Answer, Connection
from server.log import Log
from server.script import CONNECT, DESCRIBE, Function, Request, Rule, ScriptError, What, parse_what

# A signature is valid for these seconds.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
SIGNATURE_LIFE_S = 300


class Service:
    """The server's table, script, connections and log.

    Args:
        loop: that it runs on.
        specification: of the table, in the shape of CreateTable's request.
        script: rules, or a function that is called with each request.
        fast: no PutItem is read or stored, and all have the same response: for measuring clients.
        clock_offset_s: seconds by which its clock is ahead of the machine's, whose signatures are then refused.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        specification: Mapping[str, Any],
        script: Sequence[Rule] | Function,
        fast: bool = False,
        clock_offset_s: float = 0.0,
    ) -> None:
        self.log = Log()
        self.connections: set[Connection] = set()
        self.database = Database(specification, fast)
        table = self.database.table
        self._loop = loop
        self._agenda = Agenda(loop)
        self._faults = Faults(
            self.database, self.log, lambda seconds, action: self._agenda.at(loop.time() + seconds, action)
        )
        self._function: Function | None = None
        self._rules: Sequence[Rule] = ()
        if callable(script):
            self._function = script
        else:
            self._rules = script
        self._scripted = bool(self._function or self._rules)
        self._counts = [0] * len(self._rules)
        if self._function or any(rule.what.stale for rule in self._rules):
            table.previous = {}
        self._fast = fast
        self._clock_offset_s = clock_offset_s
        self._first_s: float | None = None
        self._second = -1
        self._date = b""

    def date(self) -> bytes:
        """Return the present value of the Date header."""
        second = int(time.time() + self._clock_offset_s)
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
        return self._date

    def connected(self, connection: Connection) -> None:
        """Count a connection, and refuse it where the script has a fault for it."""
        self.connections.add(connection)
        request = Request(CONNECT, self.log.connections, self._elapsed_s(self._loop.time()), [], {})
        self.log.connections += 1
        for rule, what in self._said_of(request):
            if what.refuse:
                self._faults.note(request, "refuse", rule)
                connection.reset()

    def disconnected(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.discard(connection)

    def requested(self, connection: Connection, head: Mapping[bytes, bytes], body: bytes) -> None:
        """Send the response to a request, now or later."""
        now = self._loop.time()
        operation = head.get(b"x-amz-target", b"").rpartition(b".")[2].decode()
        number = self.log.requests[operation]
        self.log.requests[operation] = number + 1
        if operation != DESCRIBE:
            if self._first_s is None:
                self._first_s = now
            self.log.last_s[operation] = now - self._first_s
        access_key = head.get(b"authorization", b"").partition(b"Credential=")[2].partition(b"/")[0]
        self.log.access_keys[access_key.decode()] += 1
        try:
            document = {} if self._fast and operation == "PutItem" else json.loads(body)
            if self._clock_offset_s:
                self._check_signature(head)
        except ValueError as error:
            self._leave(connection, _refused(ApiError("SerializationException", str(error))))
        except ApiError as error:
            self._leave(connection, _refused(error))
        else:
            if self._scripted:
                keys = keys_of(self.database.table, operation, document)
                request = Request(operation, number, self._elapsed_s(now), keys, document)
                self._react(connection, request, now)
            else:
                self._leave(connection, Fate(*self.database.answer(operation, document)))

    def _react(self, connection: Connection, request: Request, now: float) -> None:
        said = self._said_of(request)
        delay_s = sum(what.delay_s(request.elapsed_s) for _rule, what in said)
        leave_s = due_s = request.elapsed_s + delay_s
        for rule, what in said:
            if what.stall:
                leave_s = self._rules[rule].when.leave_s(leave_s)
        if delay_s:
            self.log.faults["delay"] += 1
        if leave_s > due_s:
            self.log.faults["stall"] += 1
        rule, decisive = next((entry for entry in said if is_decisive(entry[1])), (0, What()))
        fate = self._faults.decide(request, decisive, rule)
        if fate.answer is not None:
            fate = Fate(self._shaped(fate.answer, [what for _rule, what in said]), fate.name)
        if leave_s > request.elapsed_s:
            self._agenda.at(now + leave_s - request.elapsed_s, functools.partial(self._leave, connection, fate))
        else:
            self._leave(connection, fate)

    def _shaped(self, answer: Answer, said: Sequence[What]) -> Answer:
        """Return a response in the shapes that the script sets."""
        for what in said:
            for name in ("close", "chunked", "pieces", "headers"):
                value = getattr(what, name)
                if value:
                    self.log.faults[name] += 1
                    answer = replace(answer, **{name: value})
        return answer

    def _leave(self, connection: Connection, fate: Fate) -> None:
        self.log.answers[fate.name if fate.answer else "lost"] += 1
        if fate.answer is not None:
            connection.answer(fate.answer)
        elif fate.name == "reset":
            connection.reset()

    def _said_of(self, request: Request) -> list[tuple[int, What]]:
        """Return the script's faults for a request, each with its rule's index; stalls regardless of the time."""
        if self._function:
            said = parse_what(self._function(request) or {})
            if said.stall:
                raise ScriptError("a function cannot stall the server: it has no window; write a rule")
            return [(0, said)]
        found = []
        for position, (when, what) in enumerate(self._rules):
            if when.is_about(request.operation):
                number = self._counts[position]
                self._counts[position] += 1
                if when.holds(number, request.elapsed_s, request.keys, what.stall):
                    found.append((position, what))
        return found

    def _elapsed_s(self, now: float) -> float:
        return 0.0 if self._first_s is None else now - self._first_s

    def _check_signature(self, head: Mapping[bytes, bytes]) -> None:
        signed = head.get(b"x-amz-date", b"19700101T000000Z").decode()
        ahead_s = calendar.timegm(time.strptime(signed, "%Y%m%dT%H%M%SZ")) - time.time() - self._clock_offset_s
        if abs(ahead_s) > SIGNATURE_LIFE_S:
            way = "not yet current" if ahead_s > 0 else "expired"
            raise ApiError("InvalidSignatureException", f"Signature {way}: {signed}")


def _refused(error: ApiError) -> Fate:
    return Fate(of_error(error), error.name)
