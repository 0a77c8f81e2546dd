# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.drift.detection import DriftDetector, DriftTimeoutError
from botocore.exceptions import ClientError
from botocore.stub import Stubber

NOW = datetime(2026, 1, 31, tzinfo=UTC)
TABLE = "AWS::DynamoDB::Table"
NESTED = "AWS::CloudFormation::Stack"


def arn(name: str) -> str:
    return f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/{name}"


class Aws:
    """CloudFormation with expected calls; botocore validates each against the service's model."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "cloudformation", "eu-west-1", aws_access_key_id="testing-key", aws_secret_access_key="testing-secret"
        )
        self.stub = Stubber(self.client)
        self.slept: list[float] = []
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def detect(self, *names: str, nested: bool = True, timeout: float = 60) -> tuple[list[dict[str, Any]], list[str]]:
        detector = DriftDetector(self.client, lambda: self.now, self.sleep)
        return detector.detect(names, nested, [], timeout)

    def stack(self, name: str, status: str = "CREATE_COMPLETE", by: str = "", **resources: str) -> None:
        described = {"StackName": name, "StackId": arn(name), "CreationTime": NOW, "StackStatus": status}
        self.stub.add_response("describe_stacks", {"Stacks": [described]}, {"StackName": by or name})
        if status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
            return
        summaries = [
            {
                "LogicalResourceId": logical,
                "PhysicalResourceId": arn(logical.lower()) if kind == NESTED else logical.lower(),
                "ResourceType": kind,
                "LastUpdatedTimestamp": NOW,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for logical, kind in resources.items()
        ]
        self.stub.add_response("list_stack_resources", {"StackResourceSummaries": summaries}, {"StackName": arn(name)})

    def refuse(self, call: str, message: str, code: str = "ValidationError") -> None:
        self.stub.add_client_error(call, code, message)

    def started(self, name: str) -> None:
        self.stub.add_response("detect_stack_drift", {"StackDriftDetectionId": f"id-{name}"}, {"StackName": arn(name)})

    def is_at(self, name: str, state: str, reason: str = "") -> None:
        answer = {
            "StackId": arn(name),
            "StackDriftDetectionId": f"id-{name}",
            "DetectionStatus": state,
            "DetectionStatusReason": reason,
            "Timestamp": NOW,
        }
        request = {"StackDriftDetectionId": f"id-{name}"}
        self.stub.add_response("describe_stack_drift_detection_status", answer, request)

    def found(self, name: str, *pages: dict[str, str]) -> None:
        token = ""
        for number, page in enumerate(pages, 1):
            drifts = [
                {
                    "StackId": arn(name),
                    "LogicalResourceId": logical,
                    "ResourceType": TABLE,
                    "StackResourceDriftStatus": status,
                    "Timestamp": NOW,
                }
                for logical, status in page.items()
            ]
            request = {"StackName": arn(name)} | ({"NextToken": token} if token else {})
            token = str(number) if number < len(pages) else ""
            answer = {"StackResourceDrifts": drifts} | ({"NextToken": token} if token else {})
            self.stub.add_response("describe_stack_resource_drifts", answer, request)


@contextmanager
def all_requested(aws: Aws) -> Iterator[None]:
    with aws.stub:
        yield
        aws.stub.assert_no_pending_responses()


@pytest.fixture
def aws() -> Aws:
    return Aws()


def test_all_stacks_are_started_before_any_is_waited_for(aws: Aws) -> None:
    aws.stack("a", Table=TABLE)
    aws.stack("b", Table=TABLE)
    aws.started("a")
    aws.is_at("a", "DETECTION_IN_PROGRESS")
    aws.started("b")
    aws.is_at("b", "DETECTION_COMPLETE")
    aws.is_at("a", "DETECTION_COMPLETE")
    aws.found("a", {"Table": "IN_SYNC"})
    aws.found("b", {"Table": "DELETED"})
    with all_requested(aws):
        stacks, missing = aws.detect("a", "b", "a")
    assert [(each["stack_name"], each["status"]) for each in stacks] == [("a", "IN_SYNC"), ("b", "DRIFTED")]
    assert (missing, len(aws.slept)) == ([], 1)


def test_nested_stack_names_its_parent(aws: Aws) -> None:
    aws.stack("outer", Inner=NESTED)
    aws.stack("inner", by=arn("inner"), Table=TABLE)
    for name in ("outer", "inner"):
        aws.started(name)
        aws.is_at(name, "DETECTION_COMPLETE")
    aws.found("outer", {"Inner": "IN_SYNC"})
    aws.found("inner", {"Table": "DELETED"})
    with all_requested(aws):
        stacks, _missing = aws.detect("outer")
    assert [(each["stack_name"], each["parent"], each["status"]) for each in stacks] == [
        ("outer", None, "IN_SYNC"),
        ("inner", "outer", "DRIFTED"),
    ]


def test_nested_stacks_can_be_left_out(aws: Aws) -> None:
    aws.stack("outer", Inner=NESTED)
    aws.started("outer")
    aws.is_at("outer", "DETECTION_COMPLETE")
    aws.found("outer", {})
    with all_requested(aws):
        assert len(aws.detect("outer", nested=False)[0]) == 1


def test_every_page_of_the_drifts_is_read(aws: Aws) -> None:
    aws.stack("a", A=TABLE, B=TABLE)
    aws.started("a")
    aws.is_at("a", "DETECTION_COMPLETE")
    aws.found("a", {"A": "IN_SYNC"}, {}, {"B": "DELETED"})
    with all_requested(aws):
        stacks, _missing = aws.detect("a")
    assert (stacks[0]["checked"], stacks[0]["drifted"][0]["logical_id"]) == (2, "B")


def test_missing_stack_does_not_stop_the_others(aws: Aws) -> None:
    aws.refuse("describe_stacks", "Stack with id none does not exist")
    aws.stack("reviewed", "REVIEW_IN_PROGRESS")
    aws.stack("a")
    aws.started("a")
    aws.is_at("a", "DETECTION_COMPLETE")
    aws.found("a", {})
    with all_requested(aws):
        stacks, missing = aws.detect("none", "reviewed", "a")
    assert ([each["stack_name"] for each in stacks], missing) == (["a"], ["none", "reviewed"])


def test_detection_of_another_client_is_repeated(aws: Aws) -> None:
    """A detection that another client has under way is awaited, and then done again."""
    aws.stack("a")
    aws.refuse("detect_stack_drift", "Drift detection is already in progress for stack [arn]")
    aws.started("a")
    aws.is_at("a", "DETECTION_COMPLETE")
    aws.found("a", {})
    with all_requested(aws):
        stacks, _missing = aws.detect("a")
    assert (stacks[0]["status"], len(aws.slept)) == ("IN_SYNC", 1)


def test_stack_in_an_update_is_reported_as_not_checked(aws: Aws) -> None:
    aws.stack("a", "UPDATE_IN_PROGRESS")
    aws.refuse("detect_stack_drift", "Stack [a] is in UPDATE_IN_PROGRESS state")
    aws.stub.add_response(
        "describe_stacks",
        {"Stacks": [{"StackName": "a", "CreationTime": NOW, "StackStatus": "UPDATE_IN_PROGRESS"}]},
        {"StackName": arn("a")},
    )
    with all_requested(aws):
        stacks, _missing = aws.detect("a")
    assert stacks[0]["lines"] == ["a: not checked (UPDATE_IN_PROGRESS): Stack [a] is in UPDATE_IN_PROGRESS state"]


def test_findings_of_a_failed_detection_are_returned(aws: Aws) -> None:
    aws.stack("a", A=TABLE, B=TABLE)
    aws.started("a")
    aws.is_at("a", "DETECTION_FAILED", "Failed to detect drift on resources [B]")
    aws.found("a", {"A": "DELETED", "B": "UNKNOWN"})
    with all_requested(aws):
        stacks, _missing = aws.detect("a")
    assert (stacks[0]["status"], len(stacks[0]["unknown"])) == ("DRIFTED", 1)


def test_a_detection_that_does_not_end_names_its_stack(aws: Aws) -> None:
    aws.stack("a")
    aws.started("a")
    for _look in range(3):
        aws.is_at("a", "DETECTION_IN_PROGRESS")
    with all_requested(aws), pytest.raises(DriftTimeoutError, match=r"^a$"):
        aws.detect("a", timeout=4)


def test_a_missing_permission_is_raised(aws: Aws) -> None:
    aws.stack("a")
    aws.refuse(
        "detect_stack_drift", "User is not authorized to perform: cloudformation:DetectStackDrift", "AccessDenied"
    )
    with all_requested(aws), pytest.raises(ClientError, match="DetectStackDrift"):
        aws.detect("a")
