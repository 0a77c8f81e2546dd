# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run in the process of the tests: each starts without the warnings of another one."""

from __future__ import annotations

import pytest
from ansible.module_utils.common import warnings


@pytest.fixture(autouse=True)
def nothing_reported() -> None:
    """Forget the warnings and deprecations that Ansible keeps for a process."""
    warnings._global_warnings.clear()
    warnings._global_deprecations.clear()
