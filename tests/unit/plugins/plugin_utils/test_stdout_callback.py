# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stdout callbacks are for people."""

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.plugin_utils.stdout_callback import is_for_people

PEOPLE = [
    *("default", "ansible.builtin.default", "ansible.legacy.default", "minimal", "ansible.builtin.oneline"),
    *("debug", "ansible.posix.debug", "yaml", "community.general.yaml", "dense", "community.general.unixy"),
    "awx_display",
]
PROGRAMS = [
    *("json", "ansible.posix.json", "ansible.posix.jsonl", "null", "community.general.null"),
    *("acme.tools.default", "acme.tools.junit_stream", "own"),
]


@pytest.mark.parametrize("callback", PEOPLE)
def test_a_callback_for_people_leaves_live_lines_on_stdout(callback: str) -> None:
    assert is_for_people(callback)


@pytest.mark.parametrize("callback", PROGRAMS)
def test_stdout_is_left_to_every_other_callback(callback: str) -> None:
    assert not is_for_people(callback)
