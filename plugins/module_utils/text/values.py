# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a play written as the text that AWS takes: environment variables, tags, parameters, words of a command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def text_of(value: Any) -> str:
    """Write a value: text as it is, everything else as JSON, so that a truth value is true and not Python's True."""
    return value if isinstance(value, str) else json.dumps(value)


def texts_of(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Return values as text, by name; null values are omitted.

    Args:
        values: by name; None for none.
    """
    return {str(name): text_of(value) for name, value in (values or {}).items() if value is not None}
