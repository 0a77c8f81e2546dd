# SPDX-License-Identifier: Apache-2.0
"""The control table's items, and the requests that read and write them. Every write may be sent twice.

The key is ``run`` (the run id) and ``part``: ``run`` for the state of the whole run, ``task#00003`` for one task.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ddbload.dynamo.responses.documents import Document, InvalidAnswer, objects_of, unexpected
from ddbload.dynamo.sign import API

Value = str | int | float | frozenset[int]
Item = dict[str, Value]

RUN = "run"
WAITING, GO, STOP = "waiting", "go", "stop"
ALL, ANY = "all", "any"
# After these seconds DynamoDB deletes an item.
LIFE_S = 86_400
PLACEHOLDER = re.compile(r"[#:][a-z_]+")


class Request(NamedTuple):
    """A request to DynamoDB: the value of X-Amz-Target, and the body."""

    target: str
    body: bytes

    @property
    def operation(self) -> str:
        """The operation's name."""
        return self.target.rpartition(".")[2]


class RunItem(NamedTuple):
    """The state of a run.

    Attributes:
        state: waiting, go or stop; empty where there is no item.
        count: how many tasks the run has.
        next: the next index that a task tries to claim.
        ready: the indexes of the tasks that are ready.
        go_at_ms: the instant of the start, in milliseconds since the epoch; 0 until it is known.
        ready_by_ms: the instant until which the tasks wait for each other, in milliseconds since the epoch.
        start: whether all tasks must be ready by then, or any.
        reason: why the run stopped.
        stopped_by: the task, or the launcher, that stopped it.
        cause: what stopped it, as ``engine.load.Stop`` names causes; empty where the launcher did.
    """

    state: str = ""
    count: int = 0  # type: ignore[assignment]  # the tuple method of this name is of no use here
    next: int = 0
    ready: frozenset[int] = frozenset()
    go_at_ms: int = 0
    ready_by_ms: int = 0
    start: str = ALL
    reason: str = ""
    stopped_by: str = ""
    cause: str = ""


def task_part(index: int) -> str:
    """Return the part of a task's item."""
    return f"task#{index:05d}"


class Requests:
    """Builds the requests about one run.

    Args:
        table: the control table's name.
        run_id: the run's.
    """

    def __init__(self, table: str, run_id: str) -> None:
        self._table = table
        self._run_id = run_id

    def get(self, part: str = RUN) -> Request:
        """Return the request that reads an item, with all writes before it."""
        return self._request("GetItem", {"Key": self._key(part), "ConsistentRead": True})

    def query(self, prefix: str, after: Document | None = None) -> Request:
        """Return the request that reads the items whose part has a prefix, after the last key of a page."""
        more = {"ExclusiveStartKey": after} if after else {}
        condition = "#run = :run AND begins_with(#part, :part)"
        members = _expressions({"KeyConditionExpression": condition}, {"run": self._run_id, "part": prefix})
        return self._request("Query", {"ConsistentRead": True} | members | more)

    def update(
        self,
        part: str,
        assigned: Mapping[str, Value] | None = None,
        kept: Mapping[str, Value] | None = None,
        added: Mapping[str, Value] | None = None,
        condition: str = "",
        values: Mapping[str, Value] | None = None,
    ) -> Request:
        """Return the request that writes an item, and returns it.

        Args:
            part: of the item.
            assigned: attributes to set.
            kept: attributes to set where they are missing.
            added: numbers to add, and sets to unite.
            condition: on which alone it is written, with ``#name`` for an attribute and ``:name`` for a value.
            values: further values of the condition.
        """
        assigned, kept, added = assigned or {}, kept or {}, added or {}
        sets = [f"#{name} = :{name}" for name in assigned]
        sets += [f"#{name} = if_not_exists(#{name}, :{name})" for name in kept]
        parts = [f"SET {', '.join(sets)}"] if sets else []
        parts += [f"ADD {', '.join(f'#{name} :{name}' for name in added)}"] if added else []
        texts = {"UpdateExpression": " ".join(parts)}
        if condition:
            texts["ConditionExpression"] = condition
        members = _expressions(texts, {**assigned, **kept, **added, **(values or {})})
        return self._request("UpdateItem", {"Key": self._key(part), "ReturnValues": "ALL_NEW"} | members)

    # ---- What a task writes

    def number(self, count: int, start: str, ready_by_ms: int, now_ms: int) -> Request:
        """Return the request for the next number; the first task's creates the run.

        A request without a response may have taken a number: no task then has its index, until one claims it in the
        end.
        """
        kept: dict[str, Value] = {"state": WAITING, "count": count, "start": start, "ready_by_ms": ready_by_ms}
        return self.update(RUN, kept={**kept, "expires_at": _expiry_s(now_ms)}, added={"next": 1})

    def claim(self, index: int, task: str, now_ms: int) -> Request:
        """Return the request that gives an index to a task, unless another task has it."""
        return self.update(
            task_part(index),
            assigned={"task": task, "expires_at": _expiry_s(now_ms)},
            condition="attribute_not_exists(#part) OR #task = :task",
        )

    def ready(self, index: int) -> Request:
        """Return the request that counts a task among those that are ready."""
        return self.update(RUN, added={"ready": frozenset({index})})

    def go(self, at_ms: int) -> Request:
        """Return the request that sets the instant of the start, unless the run goes or stops already."""
        return self.update(
            RUN, assigned={"state": GO, "go_at_ms": at_ms}, condition="#state = :waiting", values={"waiting": WAITING}
        )

    def stop(self, reason: str, stopped_by: str, cause: str, now_ms: int, only_waiting: bool = False) -> Request:
        """Return the request that stops the run, unless it is stopped already; there need not be a run yet.

        Args:
            reason: in a few words.
            stopped_by: the task.
            cause: as ``engine.load.Stop`` names causes.
            now_ms: the present instant.
            only_waiting: not where it goes already.
        """
        return self.update(
            RUN,
            assigned={"state": STOP, "reason": reason, "stopped_by": stopped_by, "cause": cause},
            kept={"expires_at": _expiry_s(now_ms)},
            condition="#state = :waiting" if only_waiting else "attribute_not_exists(#state) OR #state <> :state",
            values={"waiting": WAITING} if only_waiting else {},
        )

    def _key(self, part: str) -> dict[str, Any]:
        return {"run": {"S": self._run_id}, "part": {"S": part}}

    def _request(self, operation: str, members: Mapping[str, Any]) -> Request:
        return Request(f"{API}.{operation}", json.dumps({"TableName": self._table, **members}).encode())


def read_item(document: Document, member: str = "Item") -> Item:
    """Return the item of a response; empty where there is none.

    Raises:
        InvalidAnswer: it is none that a task wrote.
    """
    return _item(document.get(member) or {}, member)


def read_items(document: Document) -> list[Item]:
    """Return the items of a Query's response.

    Raises:
        InvalidAnswer: they are none that a task wrote.
    """
    return [_item(item, "Items") for item in objects_of(document.get("Items"), "Items")]


def run_item(item: Mapping[str, Value]) -> RunItem:
    """Return the state of a run from its item.

    Raises:
        InvalidAnswer: an attribute has another type.
    """
    fields = {name: item[name] for name in RunItem._fields if name in item}
    for name, value in fields.items():
        if type(value) is not type(getattr(_NO_RUN, name)):
            raise unexpected("Item")
    return RunItem(**fields)  # type: ignore[arg-type]  # the types are those of the defaults


_NO_RUN = RunItem()


def _expiry_s(now_ms: int) -> int:
    return now_ms // 1000 + LIFE_S


def _expressions(texts: Mapping[str, str], values: Mapping[str, Value]) -> dict[str, Any]:
    """Return expressions with the names and the values that they use."""
    used = {found for text in texts.values() for found in PLACEHOLDER.findall(text)}
    names = sorted(token for token in used if token[0] == "#")
    return {
        **texts,
        "ExpressionAttributeNames": {token: token[1:] for token in names},
        "ExpressionAttributeValues": {f":{name}": _attribute(values[name]) for name in sorted(values)},
    }


def _attribute(value: Value) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, frozenset):
        return {"NS": [str(number) for number in sorted(value)]}
    return {"N": repr(value)}


def _item(document: Any, member: str) -> Item:
    if not isinstance(document, dict):
        raise unexpected(member)
    try:
        return {name: _value(typed) for name, typed in document.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unexpected(member) from error


def _value(typed: Mapping[str, Any]) -> Value:
    ((kind, content),) = typed.items()
    if kind == "S":
        return str(content)
    if kind == "N":
        return _number(content)
    if kind == "NS":
        return frozenset(map(int, _texts(content)))
    raise InvalidAnswer("UnexpectedItem", f"an attribute of type {kind!r:.20}")


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else float(text)


def _texts(content: Any) -> Iterable[str]:
    if not isinstance(content, list):
        raise TypeError(content)
    return content
