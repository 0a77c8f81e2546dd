# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift detections of several stacks at once, from their start to what they found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import said_with
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.drift.differences import stack_drift
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.owner import check_owner
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import is_missing

NESTED_STACK = "AWS::CloudFormation::Stack"
IN_PROGRESS = "DETECTION_IN_PROGRESS"
# A stack whose first change set is not executed has no resources.
NOTHING_THERE = ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
PAUSE = 2.0  # seconds between two status calls for the detections in progress


class DriftTimeoutError(Exception):
    """The detections did not end in time."""


@dataclass
class Detection:
    """A stack and its detection: ``state`` is AWS's state of the detection, else the stack's own status."""

    name: str
    stack_id: str
    parent: str | None
    resources: list[tuple[str, str]]
    detection_id: str = ""
    state: str = IN_PROGRESS
    reason: str = ""


class DriftDetector:
    """Detects drift.

    Args:
        client: a boto3 CloudFormation client; its calls change only CloudFormation's drift status.
        clock: seconds, monotonic.
        sleep: waits for a number of seconds.
        interrupted: returns whether to end at once.
        owner: the project and environment that the stacks must name; None accepts any stack.
    """

    def __init__(
        self,
        client: Any,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        interrupted: Callable[[], bool] = lambda: False,
        owner: Mapping[str, str] | None = None,
    ) -> None:
        self._client, self._clock, self._sleep, self._interrupted = client, clock, sleep, interrupted
        self._owner = owner

    def detect(
        self, names: Iterable[str], nested: bool, ignored: Sequence[str], timeout: float
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """Detect drift in several stacks at once.

        Args:
            names: of the stacks; each once.
            nested: whether the stacks nested in them are looked into too: AWS itself does not, see
                https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html
            ignored: patterns of differences that do not count.
            timeout: seconds for all of them together.

        Returns:
            What `stack_drift` sums up for each stack, the nested ones after the one that holds them; and the names of
            those that do not exist.

        Raises:
            DriftTimeoutError: they take longer.
            StackRequestError: a stack belongs to another owner.
            botocore.exceptions.BotoCoreError, ClientError: AWS refused, or was out of reach.
        """
        until = self._clock() + timeout
        detections, missing = [], []
        for name in dict.fromkeys(names):
            found = list(self._stacks(name, None, nested))
            detections.extend(found)
            if not found:
                missing.append(name)
        self._run(detections, until)
        return [stack_drift(_stack(each), self._found(each), ignored) for each in detections], missing

    def _stacks(self, name_or_id: str, parent: str | None, nested: bool) -> Iterator[Detection]:
        try:
            stack = self._client.describe_stacks(StackName=name_or_id)["Stacks"][0]
        except Exception as error:
            if is_missing(error):
                return
            raise
        if stack["StackStatus"] in NOTHING_THERE:
            return
        if parent is None:
            check_owner(stack, self._owner)
        summaries = list(_paged(self._client.list_stack_resources, "StackResourceSummaries", stack["StackId"]))
        resources = [(str(each["LogicalResourceId"]), str(each["ResourceType"])) for each in summaries]
        yield Detection(stack["StackName"], stack["StackId"], parent, resources)
        for each in summaries:
            if nested and each["ResourceType"] == NESTED_STACK and each.get("PhysicalResourceId"):
                yield from self._stacks(each["PhysicalResourceId"], stack["StackName"], nested)

    def _run(self, detections: Sequence[Detection], until: float) -> None:
        """Start all, and wait until all have ended."""
        while True:
            for each in detections:
                if each.state == IN_PROGRESS:
                    self._step(each)
            running = [each for each in detections if each.state == IN_PROGRESS]
            if not running:
                return
            if self._interrupted() or self._clock() + PAUSE > until:
                raise DriftTimeoutError(", ".join(each.name for each in running))
            self._sleep(PAUSE)

    def _step(self, detection: Detection) -> None:
        """Start a detection, or request its status."""
        if not detection.detection_id:
            self._start(detection)
        if detection.detection_id:
            response = self._client.describe_stack_drift_detection_status(StackDriftDetectionId=detection.detection_id)
            detection.state = str(response["DetectionStatus"])
            detection.reason = str(response.get("DetectionStatusReason") or "")

    def _start(self, detection: Detection) -> None:
        try:
            detection.detection_id = self._client.detect_stack_drift(StackName=detection.stack_id)[
                "StackDriftDetectionId"
            ]
        except Exception as error:
            message = said_with(error, "ValidationError")
            # Another detection runs: start after it, since it may be older than the last change.
            if "already in progress" in message.lower():
                return
            if not message:
                raise
            status = self._client.describe_stacks(StackName=detection.stack_id)["Stacks"][0]["StackStatus"]
            detection.state, detection.reason = str(status), message

    def _found(self, detection: Detection) -> list[dict[str, Any]]:
        if not detection.detection_id:
            return []
        return list(_paged(self._client.describe_stack_resource_drifts, "StackResourceDrifts", detection.stack_id))


def _stack(detection: Detection) -> dict[str, Any]:
    return {
        "name": detection.name,
        "id": detection.stack_id,
        "parent": detection.parent,
        "detection": detection.state,
        "reason": detection.reason,
        "resources": detection.resources,
    }


def _paged(call: Callable[..., Any], key: str, stack: str) -> Iterator[Any]:
    """Go through all pages; the SDK has no paginator for drifts."""
    token = ""
    while True:
        page = call(StackName=stack, **({"NextToken": token} if token else {}))
        yield from page[key]
        token = page.get("NextToken") or ""
        if not token:
            return
