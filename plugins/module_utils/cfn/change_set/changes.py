# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change sets as CloudFormation describes them, written as records, lines and a summary: pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

# Words of a change set's StatusReason where nothing is to be changed.
NOTHING = ("didn't contain changes", "no updates are to be performed")
VALUE_LIMIT = 200  # characters shown of a value before and after
REPLACED, MAY_BE_REPLACED = "True", "Conditional"
SIGNS = {"Add": "+", "Import": "+", "Modify": "~", "Remove": "-"}
KEPT = frozenset({"Retain", "ReplaceAndRetain"})
SNAPSHOT = frozenset({"Snapshot", "ReplaceAndSnapshot"})


def has_nothing_to_change(described: Mapping[str, Any]) -> bool:
    """Return whether a change set failed only because the stack is as requested already.

    Args:
        described: the change set as DescribeChangeSet describes it.
    """
    reason = str(described.get("StatusReason") or "").lower()
    return described.get("Status") == "FAILED" and any(words in reason for words in NOTHING)


def is_decided(described: Mapping[str, Any]) -> bool:
    """Return whether CloudFormation has computed a change set, well or not."""
    return described.get("Status") not in ("CREATE_PENDING", "CREATE_IN_PROGRESS")


def is_executable(described: Mapping[str, Any]) -> bool:
    """Return whether a change set may be executed now."""
    return described.get("Status") == "CREATE_COMPLETE" and described.get("ExecutionStatus") == "AVAILABLE"


def changes_of(described: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put a change set's changes into the records that the module returns.

    Args:
        described: ``Changes`` of DescribeChangeSet, of all pages. See
            https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html

    Returns:
        A record a resource, in CloudFormation's order and words; ``details`` holds each property that changes once.
    """
    return [_change(one["ResourceChange"]) for one in described if "ResourceChange" in one]


def replaced(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the logical ids of resources that are replaced for certain."""
    return [one["logical_id"] for one in changes if one["replacement"] == REPLACED]


def summary(changes: Sequence[Mapping[str, Any]], is_done: bool = False) -> str:
    """Count the changes in a few words; what is replaced or removed is named.

    Args:
        changes: records of ``changes_of``.
        is_done: whether they have been carried out.
    """
    counts = {sign: [one for one in changes if SIGNS.get(one["action"], "?") == sign] for sign in "+~-?"}
    replaced_ids = replaced(changes)
    perhaps = [one["logical_id"] for one in changes if one["replacement"] == MAY_BE_REPLACED]
    words = ("added", "modified", "removed") if is_done else ("to add", "to modify", "to remove")
    parts = [
        f"{len(counts['+'])} {words[0]}" if counts["+"] else "",
        f"{len(counts['~'])} {words[1]}" if counts["~"] else "",
        f"{len(replaced_ids)} of them REPLACED ({', '.join(replaced_ids)})" if replaced_ids else "",
        f"{len(perhaps)} of them perhaps replaced ({', '.join(perhaps)})" if perhaps else "",
        f"{len(counts['-'])} {words[2]} ({', '.join(one['logical_id'] for one in counts['-'])})" if counts["-"] else "",
        f"{len(counts['?'])} known only while it goes on" if counts["?"] else "",
    ]
    return ", ".join(part for part in parts if part) or "no resource, only outputs, metadata or tags"


def diff_lines(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Put changes into lines for people: a line a resource, and below it a line a property that changes."""
    lines: list[str] = []
    for one in changes:
        lines += [_head(one), *(f"      {_detail_line(each)}" for each in one["details"])]
    return lines


def _change(change: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "action": str(change.get("Action", "")),
        "logical_id": str(change.get("LogicalResourceId", "")),
        "type": str(change.get("ResourceType", "")),
        "physical_id": change.get("PhysicalResourceId") or None,
        "replacement": change.get("Replacement") or None,
        "policy_action": change.get("PolicyAction") or None,
        "details": _details(change),
    }


def _details(change: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what of a resource changes, each once: CloudFormation lists a property for each of its causes."""
    found: dict[str, dict[str, Any]] = {}
    for one in change.get("Details") or []:
        target = one.get("Target") or {}
        attribute = str(target.get("Attribute", ""))
        name = (target.get("Path") or "").removeprefix("/").replace("/", ".") or ".".join(
            part for part in (attribute, target.get("Name")) if part
        )
        entry = found.setdefault(name, {"name": name, "before": None, "after": None, "recreates": None, "causes": []})
        entry["before"] = entry["before"] if target.get("BeforeValue") is None else target["BeforeValue"]
        entry["after"] = entry["after"] if target.get("AfterValue") is None else target["AfterValue"]
        # Always beats Conditionally, and that beats Never: their alphabet is their order.
        entry["recreates"] = min(filter(None, (entry["recreates"], target.get("RequiresRecreation"))), default=None)
        cause = _cause(one)
        if cause and cause not in entry["causes"]:
            entry["causes"].append(cause)
    return list(found.values())


def _cause(detail: Mapping[str, Any]) -> str:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html
    entity = detail.get("CausingEntity")
    words = {
        "ParameterReference": f"parameter {entity}",
        "ResourceReference": f"resource {entity}",
        "ResourceAttribute": f"attribute {entity}",
        "Automatic": "its nested stack",
    }
    return words.get(str(detail.get("ChangeSource")), "")


def _head(change: Mapping[str, Any]) -> str:
    action, replacement = str(change["action"]), change["replacement"]
    what = action.lower()
    if replacement == REPLACED:
        what = "REPLACE"
    elif replacement == MAY_BE_REPLACED:
        what = "modify, perhaps REPLACE"
    elif action == "Remove":
        what = "REMOVE"
    fate = ""
    if replacement in (REPLACED, MAY_BE_REPLACED) or action == "Remove":
        fate = ": its data is deleted with it"
        if change["policy_action"] in KEPT:
            fate = ": the old one is kept"
        elif change["policy_action"] in SNAPSHOT:
            fate = ": a snapshot of the old one is kept"
        elif replacement:
            fate = ": the old one is deleted"
        else:
            fate = ": it is deleted"
    sign = "-/+" if replacement == REPLACED else SIGNS.get(action, "?")
    return f"  {sign} {change['logical_id']} ({change['type']}) {what}{fate}"


def _detail_line(detail: Mapping[str, Any]) -> str:
    text = str(detail["name"])
    if detail["before"] is not None or detail["after"] is not None:
        text += f": {_value(detail['before'])} -> {_value(detail['after'])}"
    notes = [f"by {', '.join(detail['causes'])}"] if detail["causes"] else []
    if detail["recreates"] == "Always":
        notes.append("replaces it")
    elif detail["recreates"] == "Conditionally":
        notes.append("may replace it")
    return text + (f" ({'; '.join(notes)})" if notes else "")


def _value(value: Any) -> str:
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value)
    return shortened(one_line(text), VALUE_LIMIT) or '""'
