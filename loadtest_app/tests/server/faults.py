# SPDX-License-Identifier: Apache-2.0
"""Carries out a request with the faults of the script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from server.database import PARTIQL, Database, of_error
from server.errors import ApiError, cancelled, throttled
from server.http import Answer, encode
from server.log import Injection, Log
from server.schema import Key
from server.script import Request, What
from server.values import Item

READS = {"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"}
BATCHES = {"BatchWriteItem", "BatchGetItem", "BatchExecuteStatement"}
# All other faults change only how the response is sent.
OUTCOMES = (
    *("throttle", "error", "cancel", "answer", "lose_request", "lose_answer", "apply_late"),
    *("drop_write", "corrupt", "stale", "unprocessed", "reset", "bad_crc"),
)


def is_read(request: Request) -> bool:
    """Return whether a request reads: one of PartiQL does where its statements are SELECTs."""
    if request.operation not in PARTIQL:
        return request.operation in READS
    several = request.body.get("Statements") or request.body.get("TransactStatements") or [request.body]
    return str(several[0].get("Statement")).startswith("SELECT")


Later = Callable[[float, Callable[[], None]], None]


class Fate(NamedTuple):
    """A response, and its error's name or "ok"; None, and the kind of loss, where no response is sent."""

    answer: Answer | None
    name: str


def is_decisive(what: What) -> bool:
    """Return whether a fault changes the request's outcome, not only how the response is sent."""
    return any(getattr(what, name) not in (None, False) for name in OUTCOMES)


class Faults:
    """Carries out requests, and the script's faults; ``later`` calls a function after a delay in seconds."""

    def __init__(self, database: Database, log: Log, later: Later) -> None:
        self._database = database
        self._table = database.table
        self._log = log
        self._later = later

    def note(self, request: Request, what: str, rule: int) -> None:
        """Log a fault."""
        self._log.faults[what] += 1
        self._log.injected.append(
            Injection(what, request.operation, request.number, round(request.elapsed_s, 6), list(request.keys), rule)
        )

    def decide(self, request: Request, what: What, rule: int) -> Fate:
        """Carry out a request with the script's faults, and log these."""
        if what.lose_request:
            self.note(request, "lose_request", rule)
            return Fate(None, what.lose_request)
        if said := self._said(request, what, rule):
            return said
        if late := what.apply_late:
            self.note(request, "apply_late", rule)
            self._later(late["ms"] / 1000, lambda: self._apply(request, rule))
            return Fate(None, late.get("then", "silent"))
        answer, name = self._carry_out(request, what, rule)
        if what.lose_answer:
            self.note(request, "lose_answer", rule)
            return Fate(None, what.lose_answer)
        for shape in ("reset", "bad_crc"):
            if getattr(what, shape):
                self.note(request, shape, rule)
        return Fate(replace(answer, reset=what.reset, bad_crc=what.bad_crc), name)

    def _carry_out(self, request: Request, what: What, rule: int) -> tuple[Answer, str]:
        reads = is_read(request)
        changes = what.stale if reads else what.drop_write or what.corrupt
        before = self._items(request) if changes else {}
        if reads and what.stale and self._table.previous is not None:
            self._restore({stored_key: self._table.previous.get(stored_key) for stored_key in before})
        share = what.unprocessed["share"] if what.unprocessed else 0.0
        answer, name = self._database.answer(request.operation, request.body, share)
        if what.unprocessed and request.operation in BATCHES:
            self.note(request, "unprocessed", rule)
        if reads and what.stale:
            self._restore(before)
            self.note(request, "stale", rule)
        elif what.drop_write and changes and name == "ok":
            self._restore(before)
            self.note(request, "drop_write", rule)
        elif what.corrupt and changes and name == "ok":
            self._corrupt(request, rule)
        return answer, name

    def _said(self, request: Request, what: What, rule: int) -> Fate | None:
        """Return the response that the script defines; None where it defines none."""
        if what.throttle is not None:
            kind, error = "throttle", self._throttle(request, what.throttle)
        elif what.error is not None:
            kind = "error"
            error = ApiError(what.error["type"], what.error.get("message"), what.error.get("status"))
        elif what.cancel is not None:
            members = request.body.get("TransactItems") or request.body["TransactStatements"]
            reasons = [{"Code": "None"} for _member in members]
            reasons[what.cancel.get("index", 0)] = {"Code": what.cancel["code"], "Message": "cancelled by the script"}
            kind, error = "cancel", cancelled(reasons)
        elif what.answer is not None:
            self.note(request, "answer", rule)
            text = what.answer.get("text")
            body = encode(what.answer["document"]) if text is None else text.encode("latin-1")
            return Fate(Answer(body, what.answer.get("status", 200)), "scripted")
        else:
            return None
        self.note(request, kind, rule)
        return Fate(of_error(error), error.name)

    def _throttle(self, request: Request, given: Mapping[str, str]) -> ApiError:
        schema = self._table.schema
        on_demand = schema.specification["BillingMode"] == "PAY_PER_REQUEST"
        limit = "KeyRange" if on_demand else "Provisioned"
        reason = given.get("reason") or f"Table{'Read' if is_read(request) else 'Write'}{limit}ThroughputExceeded"
        index = f"/index/{next(iter(schema.indexes))}" if reason.startswith("Index") and schema.indexes else ""
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
        name = given.get("type") or ("ThrottlingException" if on_demand else "ProvisionedThroughputExceededException")
        return throttled(name, reason, given.get("resource") or schema.arn + index)

    def _apply(self, request: Request, rule: int) -> None:
        _answer, name = self._database.answer(request.operation, request.body)
        if name == "ok":
            self.note(request, "applied_late", rule)

    def _items(self, request: Request) -> dict[Key, Item | None]:
        """Return the items at a request's keys; the table itself refuses keys that are not valid."""
        try:
            stored_keys = [self._table.schema.key_of(key) for key in request.keys]
        except ApiError:
            return {}
        return {stored_key: self._table.get(stored_key) for stored_key in stored_keys}

    def _restore(self, items: Mapping[Key, Item | None]) -> None:
        for stored_key, item in items.items():
            self._table.store(stored_key, item)

    def _corrupt(self, request: Request, rule: int) -> None:
        """Give items another last character in the longest of their texts that is no key."""
        keys = {attribute.name for attribute in self._table.schema.key}
        changed: dict[Key, Item | None] = {}
        for stored_key, item in self._items(request).items():
            texts = {name: value["S"] for name, value in (item or {}).items() if "S" in value and name not in keys}
            if item is not None and texts:
                name = max(texts, key=lambda name: len(texts[name]))
                changed[stored_key] = item | {
                    name: {"S": texts[name][:-1] + ("Y" if texts[name].endswith("X") else "X")}
                }
        if changed:
            self._restore(changed)
            self.note(request, "corrupt", rule)
