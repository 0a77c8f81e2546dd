# SPDX-License-Identifier: Apache-2.0
"""The end of a benchmark's command: its tables, or why it cannot be run."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.server import BenchError


def printed(measure: Callable[[], str]) -> int:
    """Measure, and print the tables; returns the exit code: 0, or 2 where the benchmark cannot be run."""
    try:
        text = measure()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(text)
    return 0
