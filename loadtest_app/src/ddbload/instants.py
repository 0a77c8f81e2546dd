# SPDX-License-Identifier: Apache-2.0
"""Instants as text."""

from __future__ import annotations

from datetime import UTC, datetime


def epoch_text(epoch_s: float) -> str:
    """Return an instant, in seconds since the epoch, in RFC 3339, UTC, milliseconds."""
    # Rounded: a text that is read and written again stays the same.
    text = datetime.fromtimestamp(round(epoch_s, 3), UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
