# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All filters together, as Ansible loads them."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import importlib, pkgutil, sys
from ansible_collections.gantry.ecs.plugins import filter as filters
for module in pkgutil.iter_modules(filters.__path__, filters.__name__ + "."):
    importlib.import_module(module.name)
print(*(name for name in sys.modules if name.startswith("ansible_collections.gantry.ecs.plugins.")))
"""


def test_loading_all_filters_loads_nothing_else() -> None:
    """Ansible loads every filter in each task that uses one, so a filter imports what it needs in its call."""
    ended = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = [name.removeprefix("ansible_collections.gantry.ecs.plugins.") for name in ended.stdout.split()]
    assert "filter.system_plan" in loaded
    assert [name for name in loaded if name.partition(".")[0] != "filter"] == []
