# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that AWS gives as a reason, fit for one line of a message."""

from __future__ import annotations

GAP = " ... "


def one_line(text: str) -> str:
    """Put a text on one line that moves no cursor: whatever cannot be printed becomes a space, several become one."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def shortened(text: str, limit: int) -> str:
    """Leave out the middle of a text that is too long.

    Args:
        text: any text.
        limit: characters at most.

    Returns:
        The text; of a long one the start, which names the error, and the end, which has the innermost cause.
    """
    if len(text) <= limit:
        return text
    end = (limit - len(GAP)) // 2
    return text[: limit - len(GAP) - end] + GAP + text[len(text) - end :]
