# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stdout callbacks write for people, so that lines between theirs break nothing."""

from __future__ import annotations

# A name that is not here may be that of a format: a line too few on stdout harms less than JSON that does not parse.
FOR_PEOPLE = {
    "ansible.builtin": ("default", "minimal", "oneline"),
    "ansible.posix": ("debug", "skippy"),
    "community.general": (
        "counter_enabled",
        "default_without_diff",
        "dense",
        "diy",
        "selective",
        "tasks_only",
        "timestamp",
        "unixy",
        "yaml",
    ),
    # What AWX and ansible-navigator run a playbook with; it marks what goes to stdout itself.
    "ansible.legacy": ("awx_display", "default", "minimal", "oneline"),
}
NAMES = {name for names in FOR_PEOPLE.values() for name in names}
FULL_NAMES = {f"{collection}.{name}" for collection, names in FOR_PEOPLE.items() for name in names}


def is_for_people(callback: str) -> bool:
    """Return whether a stdout callback writes for people, as opposed to a program that parses it.

    Args:
        callback: its name as Ansible's setting has it, short or full.
    """
    return callback in NAMES or callback in FULL_NAMES
