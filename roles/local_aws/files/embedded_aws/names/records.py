# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of Route 53 as host names: A records, aliases and CNAME records, as far as they lead to an address.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

MOST_STEPS = 8  # from name to name until an address; a circle of names ends there


def addresses(records: Iterable[Mapping[str, Any]], known: Mapping[str, str]) -> dict[str, str]:
    """Return the address of each name that has one.

    Args:
        records: record sets of all hosted zones, as Route 53 describes them.
        known: the address of each host name of the embedded AWS, such as those of databases.
    """
    targets = {_plain(record["Name"]): target for record in records if (target := _target(record))}
    found = {}
    for name in targets:
        target = name
        for _step in range(MOST_STEPS):
            target = targets.get(target) or known.get(target, target)
            if _is_address(target):
                found[name] = target
                break
    return found


def _target(record: Mapping[str, Any]) -> str:
    """Return the name or address that a record leads to; empty for one of another type."""
    is_wildcard = str(record["Name"]).startswith(("*", r"\052"))  # a hosts file has none
    if record["Type"] not in ("A", "CNAME") or is_wildcard:
        return ""
    if alias := record.get("AliasTarget"):
        return _plain(alias["DNSName"]).removeprefix("dualstack.")
    values = record.get("ResourceRecords") or [""]
    return _plain(str(values[0]))


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
