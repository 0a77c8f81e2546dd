# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.ddbload.aws.plugins.filter.parameter_strings import FilterModule

parameter_strings = FilterModule().filters()["parameter_strings"]


def test_values_become_what_cloudformation_reads() -> None:
    values = {"Alarms": True, "Retain": False, "ZoneCount": 2, "SubnetIds": ["a", "b"], "Name": "x", "Empty": []}
    assert parameter_strings(values) == {
        "Alarms": "true",
        "Retain": "false",
        "ZoneCount": "2",
        "SubnetIds": "a,b",
        "Name": "x",
        "Empty": "",
    }
