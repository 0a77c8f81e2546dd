# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON lines that a log driver cut into pieces, put together again."""

from __future__ import annotations

import json

# Docker cuts at 16 KiB, the awslogs driver at 256 KiB less 26 bytes; only a last piece is shorter than the first limit.
# https://github.com/moby/moby/issues/41794, https://github.com/aws/shim-loggers-for-containerd/issues/239
SHORTEST_CUT = 16_000  # characters
LONGEST_LINE = 2_000_000  # characters


class LogPieces:
    """Keeps the pieces of a line of one log until the line is whole. Nothing is lost: what does not fit comes out."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def take(self, message: str) -> list[str]:
        """Take what the log holds next.

        Args:
            message: of one log event.

        Returns:
            The lines that are whole now; none while a line lacks pieces.
        """
        if self._pieces and not is_json_object(message):
            self._pieces.append(message)
            whole = "".join(self._pieces)
            if is_json_object(whole):
                self._pieces = []
                return [whole]
            return [] if _may_go_on(message) and len(whole) < LONGEST_LINE else self.rest()
        before = self.rest()
        if message.startswith("{") and _may_go_on(message) and not is_json_object(message):
            self._pieces = [message]
            return before
        return [*before, message]

    def rest(self) -> list[str]:
        """Return the pieces that never became a line, and forget them."""
        pieces, self._pieces = self._pieces, []
        return pieces


def is_json_object(text: str) -> bool:
    """Return whether a line is a JSON object."""
    if not (text.lstrip().startswith("{") and text.rstrip().endswith("}")):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _may_go_on(piece: str) -> bool:
    return len(piece) >= SHORTEST_CUT
