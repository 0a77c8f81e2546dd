# SPDX-License-Identifier: Apache-2.0
"""The log of the server: requests, and injected faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from server.values import Item


@dataclass
class Injection:
    """One fault.

    Attributes:
        what: the fault's name, as a script's rule has it; "applied_late" where an ``apply_late`` came true.
        operation: the request's operation; "connect" for a connection.
        number: the request's number among those of its operation, from 0; for a connection among the connections.
        at_s: seconds since the first data request.
        keys: the primary keys that the request named.
        rule: the rule's index in the script; 0 where the script is a function.
    """

    what: str
    operation: str
    number: int
    at_s: float
    keys: list[Item] = field(default_factory=list)
    rule: int = 0


@dataclass
class Log:
    """The requests, responses and faults so far.

    Attributes:
        requests: by operation.
        answers: responses by the error's name, "ok" for successes, "lost" for those that were not sent.
        connections: how many were opened.
        access_keys: by which requests were signed.
        faults: by name; delays and shapes of responses included.
        injected: each fault that changed the outcome of a request, in order.
        last_s: seconds from the first data request to the last one of each operation.
    """

    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    access_keys: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    injected: list[Injection] = field(default_factory=list)
    last_s: dict[str, float] = field(default_factory=dict)

    def of(self, what: str) -> list[Injection]:
        """Return the faults of one name."""
        return [injection for injection in self.injected if injection.what == what]

    def to_document(self) -> dict[str, Any]:
        """Return the log as a JSON document."""
        injected = [asdict(injection) for injection in self.injected]
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"injected": injected}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Log:
        """Return the log of such a document."""
        counters = {name: Counter(document[name]) for name in ("requests", "answers", "access_keys", "faults")}
        injected = [Injection(**entry) for entry in document["injected"]]
        return cls(**{**document, **counters, "injected": injected})
