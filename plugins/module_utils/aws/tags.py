# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags, in the shapes that AWS's services give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def tag_map(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Turn a list of tags into a dict, whether their keys are ``Key`` and ``Value`` or in small letters."""
    return {str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value", ""))) for tag in tags}
