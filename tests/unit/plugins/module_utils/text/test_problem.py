# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


def test_what_and_remedy_are_joined_by_one_arrow() -> None:
    problem = Problem("image", "the image was not found", "deploy again")
    assert problem.line() == "the image was not found -> deploy again"


def test_no_arrow_where_there_is_no_remedy() -> None:
    assert Problem("image", "the image was not found").line() == "the image was not found"
