# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a live view, and the control sequences and widths of the terminal that shows them."""

from __future__ import annotations

from typing import NamedTuple

INDENT = "  "
# ECMA-48 CR and EL: back to the start of the line, which is erased. The carriage return makes Python flush, too.
CLEAR = "\r\x1b[2K"
DEFAULT_COLUMNS = 80


class Shown(NamedTuple):
    """Something to display.

    Attributes:
        text: one line, indented.
        newline: whether the line ends here; where it does not, it is drawn over later, and nothing for a log file.
        verbosity: 0 to be shown always, 1 with ``-v``.
    """

    text: str
    newline: bool = True
    verbosity: int = 0
