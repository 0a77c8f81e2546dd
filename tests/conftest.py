# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the collection's tests, the same as the load tester's."""

from __future__ import annotations

import functools
import os

from botocore.loaders import JSONFileLoader
from suite import load_profiles, pytest_collection_modifyitems

__all__ = ["pytest_collection_modifyitems"]

load_profiles()
# No test uses moto's 648 AMIs, whose creation for each test takes half of the CPU time of a test with EC2.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
# moto starts a session for each test, and each session parses the models of its services again.
_parsed = functools.cache(JSONFileLoader().load_file)
JSONFileLoader.load_file = lambda _self, path: _parsed(path)
