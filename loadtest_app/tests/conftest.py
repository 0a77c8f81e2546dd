# SPDX-License-Identifier: Apache-2.0
"""Settings of the load tester's tests."""

from suite import load_profiles, pytest_collection_modifyitems

__all__ = ["pytest_collection_modifyitems"]

load_profiles()
