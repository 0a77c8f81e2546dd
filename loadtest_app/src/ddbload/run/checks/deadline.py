# SPDX-License-Identifier: Apache-2.0
"""For how long a load may last where the scenario sets no deadline."""

from __future__ import annotations

CLOSED_DEADLINE_S = 3600.0
SPARE_DEADLINE_S = 60.0


def of_load(duration_ns: int | None, timeout_s: float) -> float:
    """Return the seconds from the start of a load to its end at the latest.

    Args:
        duration_ns: of the plan; None for a closed plan.
        timeout_s: of one request.
    """
    if duration_ns is None:
        return CLOSED_DEADLINE_S
    # Late operations may be sent for as long as one request may take, and the last of them may take as long.
    return duration_ns / 1e9 + 2 * timeout_s + SPARE_DEADLINE_S
