# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a minute lasts: periods of alarms, cooldowns and bake times are as long as a user can wait for."""

from __future__ import annotations

import os

VARIABLE = "DDBLOAD_MINUTE_SECONDS"
MINUTE_S = 60.0


def minute_s() -> float:
    """Return the seconds that a minute of AWS's periods lasts here."""
    return float(os.environ.get(VARIABLE) or MINUTE_S)


def seconds(aws_s: float) -> float:
    """Return how long seconds of AWS's periods last here."""
    return aws_s * minute_s() / 60
