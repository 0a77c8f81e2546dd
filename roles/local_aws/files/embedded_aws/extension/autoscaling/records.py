# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Application Auto Scaling keeps: targets, policies, scheduled actions, and the last activities."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from ministack.core import responses

Document = dict[str, Any]
MOST_ACTIVITIES = 1000

targets = responses.AccountRegionScopedDict()
policies = responses.AccountRegionScopedDict()
actions = responses.AccountRegionScopedDict()
activities = responses.AccountRegionScopedDict()


def target_key(request: Document) -> tuple[str, str, str]:
    """Return the key of the scalable target that a request names."""
    return request["ServiceNamespace"], request["ResourceId"], request["ScalableDimension"]


def service_key(resource_id: str) -> str:
    """Return MiniStack's key of the service of a resource id, such as ``service/cluster/name``."""
    return resource_id.partition("/")[2]


def public(document: Document) -> Document:
    """Return a record without the members that are no part of the API."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def note(resource: Document, description: str, cause: str, *, status: str = "Successful") -> None:
    """Add an activity of a scalable target: what happened, and why."""
    now_s, activity_id = time.time(), str(uuid4())
    names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    fulfilled = "Successfully " + description[:1].lower() + description[1:] + " Change successfully fulfilled by ecs."
    activities[activity_id] = {
        **{name: resource[name] for name in names},
        "ActivityId": activity_id,
        "Description": description,
        "Cause": cause,
        "StartTime": now_s,
        "EndTime": now_s,
        "StatusCode": status,
        "StatusMessage": fulfilled if status == "Successful" else cause,
    }
    for oldest in list(activities)[:-MOST_ACTIVITIES]:
        del activities[oldest]
