# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What checks found out before a launch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Findings:
    """Findings, each a line.

    Attributes:
        checked: what is as it has to be.
        warnings: what could not be checked, and what may go wrong.
        problems: what would make the launch, or the start of the tasks, fail.
    """

    checked: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
