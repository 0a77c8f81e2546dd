# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the deletion of an environment has to do: pure functions over its resources."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.environment.catalogue import (
    BY_NAME,
    PROTECTABLE,
    REMOVABLE,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource


def deletion(resources: Sequence[Resource], confirmed: Collection[str]) -> dict[str, Any]:
    """Return what a deletion needs to know, by the names of the return values of module environment_info.

    Args:
        resources: the environment's.
        confirmed: the names of protected data that may be deleted.
    """
    stacks = [each for each in resources if "component" in each]
    return {
        "protected_data": protected_data(resources),
        "refused": [each["line"] for each in refused(resources, confirmed)],
        "stacks": stacks,
        "deletable": [each for each in stacks if not each["protections"]],
        "protected": protected(resources),
        "remnants": remnants(resources, confirmed),
    }


def protected_data(resources: Iterable[Resource]) -> list[str]:
    """Return the names of the resources with data that are protected, kept or made by hand; sorted, each once."""
    return sorted({each["name"] for each in resources if _is_protected_data(each)})


def refused(resources: Iterable[Resource], confirmed: Collection[str]) -> list[Resource]:
    """Return the protected data for which a deletion is refused.

    Args:
        resources: the environment's.
        confirmed: the names of protected data that may be deleted.
    """
    return [each for each in resources if _is_protected_data(each) and each["name"] not in confirmed]


def protected(resources: Iterable[Resource]) -> list[Resource]:
    """Return the resources whose protection has to be turned off before their stacks can be deleted."""
    found = [each for each in resources if each["kind"] in PROTECTABLE]
    return [each for each in found if PROTECTABLE[each["kind"]].protection in each["protections"]]


def remnants(resources: Iterable[Resource], confirmed: Collection[str]) -> list[Resource]:
    """Return the resources that no stack deletes and that may be removed.

    Args:
        resources: the environment's.
        confirmed: the names of protected data that may be deleted.
    """
    found = [each for each in resources if each["kind"] in REMOVABLE and each["stack"] is None]
    return [each for each in found if not _is_protected_data(each) or each["name"] in confirmed]


def _is_protected_data(resource: Resource) -> bool:
    return BY_NAME[resource["kind"]].holds_data and bool(resource["protections"])
