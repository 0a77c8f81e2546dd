# SPDX-License-Identifier: Apache-2.0
"""What the console can show: colours, and characters beyond ASCII."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

from ddbload.report.text import sparkline

MODES = ("auto", "always", "never")


def is_coloured(mode: str, stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Say whether to write in colours: `auto` does on a terminal only, and not where NO_COLOR is set.

    https://no-color.org
    """
    environment = os.environ if environment is None else environment
    if mode != "auto":
        return mode == "always"
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def blocks(stream: TextIO) -> str:
    """Return the characters for small charts that the stream can take."""
    try:
        sparkline.BLOCKS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return sparkline.PLAIN
    return sparkline.BLOCKS
