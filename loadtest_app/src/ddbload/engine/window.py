# SPDX-License-Identifier: Apache-2.0
"""The two windows of a run: the warm-up, and what is measured after it."""

from __future__ import annotations

from collections.abc import Iterable

from ddbload.engine.record import Recorder


class Window:
    """Which recorder counts an operation, by its planned instant.

    Attributes:
        warm_up: counts the operations that are planned within the warm-up.
        recorder: counts all later operations.
        present: the one of the two that counts what is sent now.
        is_warming_up: whether that is the warm-up's.
        first: position of the first operation after the warm-up; 0 without a warm-up.
        passed_over: positions within the warm-up that an open breaker passed over.
    """

    def __init__(self, operations: Iterable[str], warm_up_ns: int) -> None:
        names = tuple(operations)
        self.warm_up = Recorder(names)
        self.recorder = Recorder(names)
        self.is_warming_up = warm_up_ns > 0
        self.present = self.warm_up if self.is_warming_up else self.recorder
        self.first = 0
        self.passed_over = 0

    def end_warm_up(self, position: int, passed_over: int) -> None:
        """Count in ``recorder`` from a position on.

        Args:
            position: of the first operation that is planned after the warm-up.
            passed_over: positions that the breaker has passed over so far.
        """
        self.is_warming_up = False
        self.present = self.recorder
        self.first, self.passed_over = position, passed_over
