# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings of checks before a launch."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


@dataclass
class Findings:
    """Findings.

    Attributes:
        checked: what is in order, a phrase each.
        warnings: what could not be checked, and what may go wrong.
        problems: what would make the launch, or the start of the tasks, fail.
    """

    checked: list[str] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def not_checked(self, reason: str) -> None:
        """Add a warning that something was not checked, with the reason."""
        self.warnings.append(Problem("not_checked", f"not checked: {reason}"))
