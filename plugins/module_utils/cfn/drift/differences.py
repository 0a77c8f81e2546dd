# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between a CloudFormation stack and the account: pure functions over what drift detection returns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html#drift-status-codes
DRIFTED = ("MODIFIED", "DELETED")
NOT_KNOWN = ("UNKNOWN",)
VALUE_LIMIT = 120  # characters of a value that a line shows
REASON_LIMIT = 300  # characters of a reason
# A token in a string would say it is a number; these stand for a value that is not there.
ABSENT = ("", "null")


def resource_drift(found: Mapping[str, Any], ignored: Sequence[str] = ()) -> dict[str, Any]:
    """Take one resource's drift apart.

    Args:
        found: a StackResourceDrift of DescribeStackResourceDrifts. See
            https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackResourceDrift.html
        ignored: patterns of differences that do not count (see `is_ignored`).

    Returns:
        ``logical_id``, ``physical_id``, ``type``, ``status`` (IN_SYNC where every difference is ignored), ``reason``
        (null, or why it could not be checked), ``differences`` and ``ignored``, both lists of ``property`` (without
        the slash in front), ``kind`` (ADD, REMOVE, NOT_EQUAL), ``expected`` and ``actual`` (null where there is none).
    """
    logical_id, status = str(found["LogicalResourceId"]), str(found["StackResourceDriftStatus"])
    differences = [_difference(each) for each in found.get("PropertyDifferences") or ()]
    left_out = [each for each in differences if is_ignored(logical_id, each["property"], ignored)]
    counted = [each for each in differences if each not in left_out]
    if status == "MODIFIED" and left_out and not counted:
        status = "IN_SYNC"
    return {
        "logical_id": logical_id,
        "physical_id": str(found.get("PhysicalResourceId") or "") or None,
        "type": str(found["ResourceType"]),
        "status": status,
        "reason": one_line(str(found.get("DriftStatusReason") or "")) or None,
        "differences": counted,
        "ignored": left_out,
    }


def is_ignored(logical_id: str, property_path: str, patterns: Iterable[str]) -> bool:
    """Return whether a difference does not count.

    Args:
        logical_id: of the resource.
        property_path: without the slash in front, for example ``ProvisionedThroughput/ReadCapacityUnits``.
        patterns: for example ``Table/ProvisionedThroughput/*``; ``*`` stands for anything, slashes too. A pattern means
            all that is below it as well.
    """
    name = f"{logical_id}/{property_path}"
    return any(fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern.rstrip('/')}/*") for pattern in patterns)


def stack_line(name: str, status: str, reason: str) -> str:
    """Say in one line why a stack could not be checked.

    Args:
        name: of the stack.
        status: of its detection.
        reason: what AWS says; may be empty.
    """
    text = shortened(one_line(reason), REASON_LIMIT).rstrip(".")
    return f"{name}: not checked ({status})" + (f": {text}" if text else "")


def resource_lines(name: str, resource: Mapping[str, Any]) -> list[str]:
    """Say what a resource differs in, a line each difference.

    Args:
        name: of its stack.
        resource: as `resource_drift` returns it.

    Returns:
        No line for a resource that is as it should be. A difference reads
        "stack: LogicalId (type, physical id) property: expected x, is y".
    """
    of = ", ".join(part for part in (resource["type"], resource["physical_id"]) if part)
    where = f"{name}: {resource['logical_id']} ({of})"
    if resource["status"] == "DELETED":
        return [f"{where} is gone"]
    if resource["status"] in NOT_KNOWN:
        reason = shortened(resource["reason"] or "no reason given", REASON_LIMIT).rstrip(".")
        return [f"{where} could not be checked: {reason}"]
    if resource["status"] != "MODIFIED":
        return []
    if not resource["differences"]:
        return [f"{where} was changed, AWS does not say in what"]
    return [f"{where} {_difference_text(each)}" for each in resource["differences"]]


def stack_drift(
    stack: Mapping[str, Any], found: Iterable[Mapping[str, Any]], ignored: Sequence[str] = ()
) -> dict[str, Any]:
    """Sum up what a detection found in a stack.

    Args:
        stack: ``name``, ``id``, ``parent`` (null, or the name of the stack that it is nested in), ``detection``
            (DETECTION_COMPLETE, DETECTION_FAILED, or the stack's own status where none was possible), ``reason`` and
            ``resources`` (ids and types of all its resources, as ``(logical_id, type)``).
        found: its StackResourceDrifts.
        ignored: patterns of differences that do not count.

    Returns:
        ``stack_name``, ``stack_id``, ``parent``, ``status`` (IN_SYNC, DRIFTED, or UNKNOWN where something could not be
        checked and nothing has drifted), ``checked`` (how many resources), ``drifted`` and ``unknown`` (those
        resources), ``ignored`` (resources with differences that do not count), ``unsupported`` (ids of the resources
        that AWS cannot check) and ``lines``.
    """
    resources = [resource_drift(each, ignored) for each in found]
    drifted = [each for each in resources if each["status"] in DRIFTED]
    unknown = [each for each in resources if each["status"] in NOT_KNOWN]
    is_complete = stack["detection"] == "DETECTION_COMPLETE"
    checked = [each for each in resources if each["status"] in ("IN_SYNC", *DRIFTED)]
    checkable = {each["logical_id"] for each in checked + unknown}
    lines = [line for each in drifted + unknown for line in resource_lines(stack["name"], each)]
    if not is_complete and not unknown:
        lines.append(stack_line(stack["name"], stack["detection"], stack["reason"]))
    return {
        "stack_name": stack["name"],
        "stack_id": stack["id"],
        "parent": stack["parent"],
        "status": "DRIFTED" if drifted else "IN_SYNC" if is_complete and not unknown else "UNKNOWN",
        "checked": len(checked),
        "drifted": drifted,
        "unknown": unknown,
        "ignored": [each for each in resources if each["ignored"]],
        "unsupported": [name for name, _type in stack["resources"] if name not in checkable] if is_complete else [],
        "lines": lines,
    }


def _difference(found: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(found["DifferenceType"])
    return {
        "property": str(found["PropertyPath"]).removeprefix("/"),
        "kind": kind,
        "expected": None if kind == "ADD" else str(found["ExpectedValue"]),
        "actual": None if kind == "REMOVE" else str(found["ActualValue"]),
    }


def _difference_text(difference: Mapping[str, Any]) -> str:
    expected, actual = _shown(difference["expected"]), _shown(difference["actual"])
    if difference["kind"] == "ADD":
        return f"{difference['property']}: expected none, is {actual}"
    if difference["kind"] == "REMOVE":
        return f"{difference['property']}: expected {expected}, is gone"
    return f"{difference['property']}: expected {expected}, is {actual}"


def _shown(value: str | None) -> str:
    if value is None or value in ABSENT:
        return "none"
    return shortened(one_line(_compact(value)), VALUE_LIMIT)


def _compact(value: str) -> str:
    """Take the spaces out of JSON, so that more of it is seen."""
    if not value.startswith(("{", "[")):
        return value
    try:
        return json.dumps(json.loads(value), separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        return value
