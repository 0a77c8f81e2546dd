# SPDX-License-Identifier: Apache-2.0
"""The results file: saved whole, and checked when it is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ddbload.files import FileError, read_text, write_text
from ddbload.results import event_shape
from ddbload.results.events import to_json
from ddbload.stats.hlog import Interval

SCHEMA = 2


class ResultsError(Exception):
    """Results that cannot be read or made; the text states the problem, the field and the remedy."""


def save(path: Path, results: Mapping[str, Any]) -> None:
    """Write a results file whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_text(path, to_json(results, indent=1) + "\n")


def load(path: Path) -> dict[str, Any]:
    """Read a results file.

    Raises:
        ResultsError: there is none, or it is none of this version.
    """
    try:
        results = json.loads(read_text(path))
    except FileError as error:
        raise ResultsError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path} is no results file: {error}") from error
    if not isinstance(results, dict) or results.get("schema") != SCHEMA:
        raise ResultsError(f"{path} is no results file of schema {SCHEMA}: create it again with ddbload merge")
    if not event_shape.read_results(results):
        raise ResultsError(f"{path} is not a results file: create it again with ddbload merge")
    return results


def intervals(results: Mapping[str, Any]) -> list[Interval]:
    """Return the latencies of each operation, second by second, as an interval log holds them."""
    return [
        Interval(name, second["elapsed_s"] - 1.0, 1.0, histogram)
        for second in results["series"]
        for name, histogram in second["histograms"].items()
    ]


def started_s(results: Mapping[str, Any]) -> float:
    """Return when a run started, in seconds since the epoch; 0 where that is not known."""
    started_at = results["started_at"]
    return datetime.fromisoformat(started_at).timestamp() if started_at else 0.0
