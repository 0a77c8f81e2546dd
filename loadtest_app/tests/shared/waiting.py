# SPDX-License-Identifier: Apache-2.0
"""Waits for a condition, by asking again and again."""

import time
from collections.abc import Callable
from typing import TypeVar

Reached = TypeVar("Reached")
# On a busy machine a start, a stack or a task takes many times as long as on one at rest.
SECONDS = 180.0
PAUSE_SECONDS = 0.05


def waited(attempt: Callable[[], Reached], seconds: float = SECONDS) -> Reached:
    """Return what an attempt comes to, once it comes to something.

    Raises:
        AssertionError: it came to nothing in so many seconds.
    """
    ends = time.monotonic() + seconds
    while not (result := attempt()):
        assert time.monotonic() < ends, "the condition did not come true"
        time.sleep(PAUSE_SECONDS)
    return result
