# SPDX-License-Identifier: Apache-2.0
"""The answers that a first scenario is made of, and how each is read from a text."""

from __future__ import annotations

import json
import math
import re
from typing import NamedTuple

# The table of env=local.
EMBEDDED = "ddbload-local"
UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([smh]?)")
LOAD = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(?:/ ?s)?(?: +for +| +)([0-9]+(?:\.[0-9]+)? ?[smh]?)")


class Answers(NamedTuple):
    """What a scenario is made of.

    Attributes:
        table: its name.
        reads: per cent of the operations that read, from 0 to 100.
        rate: operations a second.
        duration_s: seconds.
    """

    table: str = EMBEDDED
    reads: int = 50
    rate: float = 100
    duration_s: float = 60


def table_of(text: str) -> str:
    """Return the name of a table.

    Raises:
        ValueError: it is none; the text says what is.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.:/-]{3,1024}", text):
        raise ValueError(f"a table's name has 3 characters at least, of letters, digits, _ . and -, got {_shown(text)}")
    return text


def reads_of(text: str) -> int:
    """Return a percentage from ``70``, ``70%`` or ``70/30``, where 30 is the share of writes.

    Raises:
        ValueError: it is none; the text says what is.
    """
    match = re.fullmatch(r"([0-9]{1,3}) ?%?(?: ?/ ?([0-9]{1,3}) ?%?)?", text)
    if not match or int(match[1]) > 100 or (match[2] and int(match[1]) + int(match[2]) != 100):
        raise ValueError(f"must be a whole number from 0 to 100, or reads/writes such as 70/30, got {_shown(text)}")
    return int(match[1])


def rate_of(text: str) -> float:
    """Return operations a second.

    Raises:
        ValueError: it is none; the text says what is.
    """
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= 1_000_000:
        raise ValueError(f"must be a number of operations a second, above 0 and up to 1,000,000, got {_shown(text)}")
    return _plain(rate)


def seconds_of(text: str) -> float:
    """Return the seconds of ``90``, ``90s``, ``5m`` or ``2h``.

    Raises:
        ValueError: it is none; the text says what is.
    """
    match = DURATION.fullmatch(text)
    seconds = float(match[1]) * UNITS_S[match[2]] if match else 0.0
    if not 1 <= seconds <= 604_800:
        raise ValueError(f"must be a time such as 90s, 5m or 2h, from one second to a week, got {_shown(text)}")
    return _plain(seconds)


def load_of(text: str) -> tuple[float, float]:
    """Return the operations a second, and the seconds, of ``500 for 5m``.

    Raises:
        ValueError: it is none; the text says what is.
    """
    match = LOAD.fullmatch(text)
    if not match:
        raise ValueError(f"must read like 500 for 5m, got {_shown(text)}")
    return rate_of(match[1]), seconds_of(match[2])


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number


def _shown(text: str) -> str:
    return json.dumps(text[:60])
