# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.exit_codes import exit_meaning, signal_name


@pytest.mark.parametrize(
    ("exit_code", "kind", "words"),
    [
        (0, "passed", "passed"),
        (1, "exit_code", "failed"),
        (3, "exit_code", "failed"),
        (77, "exit_code", "failed"),
        (126, "command", "cannot be executed"),
        (127, "command", "not found"),
        (130, "signal", "SIGINT"),
        (134, "signal", "SIGABRT"),
        (137, "signal", "SIGKILL"),
        (139, "signal", "SIGSEGV"),
        (143, "signal", "SIGTERM"),
        (159, "signal", "SIGSYS"),
        (255, "exit_code", "failed"),
        (3221225477, "exit_code", "failed"),
        (-1, "exit_code", "failed"),
    ],
)
def test_an_exit_code_has_a_meaning(exit_code: int, kind: str, words: str) -> None:
    meaning = exit_meaning(exit_code)
    assert meaning.kind == kind and words in meaning.what


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (1, "internal error"),
        (2, "bad configuration"),
        (3, "a threshold failed"),
        (4, "lost or corrupt writes"),
        (5, "target unusable or nothing proved"),
        (6, "stopped early"),
    ],
)
def test_the_load_testers_codes_count_only_for_the_load_tester(exit_code: int, words: str) -> None:
    assert exit_meaning(exit_code, is_load_tester=True).what == words
    assert exit_meaning(exit_code).what == "failed"


def test_the_load_tester_ends_by_a_signal_as_others_do() -> None:
    assert exit_meaning(137, is_load_tester=True) == exit_meaning(137)


@pytest.mark.parametrize("exit_code", [0, 1, 128, 255, -100])
def test_an_unknown_signal_has_no_name(exit_code: int) -> None:
    assert signal_name(exit_code) == ""
