# SPDX-License-Identifier: Apache-2.0
"""The key schema of a table, without a connection to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyAttribute:
    """One attribute of the primary key of a table or an index; type S, N or B."""

    name: str
    type: str

    def __post_init__(self) -> None:
        if self.type not in ("S", "N", "B"):
            raise ValueError(f"key attribute {self.name} has type {self.type}, which is none of S, N, B")
