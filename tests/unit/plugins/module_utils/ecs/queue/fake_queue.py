# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account with an SQS queue and a cluster, on a clock of its own; botocore's models check each call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.ecs.service.fake_service import FakeClient
from botocore.exceptions import ClientError

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/prompts"
TASK = "arn:aws:ecs:eu-west-1:123456789012:task/shop/"
CAPACITY = {
    "reason": "Capacity is unavailable at this time. Please try again later or in a different availability zone"
}


class FakeQueueAws:
    """A queue and a cluster.

    Attributes:
        clock: its clock.
        calls: the calls so far, with their requests.
        errors: code and message of the error that an operation raises.
        messages: body, receives and end of the invisibility of each message by id.
        dead: ids of the messages in the dead-letter queue.
        tasks: what runs or ran, by ARN.
        exit_codes: of the tasks of a message, the first launch first; afterwards 0.
        duration: seconds that a task takes.
        refusals: failures that the next launches return.
        stale_deletes: how many of the next deletions SQS refuses, since it has given the message out anew.
    """

    def __init__(self, bodies: dict[str, str], visibility: int = 60, max_receives: int = 3) -> None:
        self.clock = Clock()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.errors: dict[str, tuple[str, str]] = {}
        self.visibility, self.max_receives = visibility, max_receives
        self.messages = {name: {"body": body, "receives": 0, "hidden": 0.0} for name, body in bodies.items()}
        self.dead: list[str] = []
        self.tasks: dict[str, dict[str, Any]] = {}
        self.exit_codes: dict[str, list[int]] = {}
        self.duration = 5.0
        self.refusals: list[dict[str, str]] = []
        self.stale_deletes = 0
        self.most_running = 0
        self.after_launch: Callable[[], None] = lambda: None

    def client(self, service: str) -> FakeClient:
        return FakeClient(self, service)

    def requests(self, name: str) -> list[dict[str, Any]]:
        return [request for called, request in self.calls if called == name]

    def pass_time(self) -> None:
        """Stop the tasks that are through."""
        for task in self.tasks.values():
            if task["lastStatus"] == "RUNNING" and self.clock() >= task["ends"]:
                self.stop(task, task["exit"])

    def stop(self, task: dict[str, Any], exit_code: int) -> None:
        task.update(lastStatus="STOPPED", desiredStatus="STOPPED")
        task["containers"][0].update(lastStatus="STOPPED", exitCode=exit_code)

    def task(self, message: str) -> dict[str, Any]:
        """Return a new task of a message."""
        codes = self.exit_codes.get(message, [])
        arn = f"{TASK}{len(self.tasks):032x}"
        self.tasks[arn] = {
            "taskArn": arn,
            "lastStatus": "RUNNING",
            "desiredStatus": "RUNNING",
            "startedBy": f"prompt/{message}",
            "containers": [{"name": "prompt", "lastStatus": "RUNNING"}],
            "ends": self.clock() + self.duration,
            "exit": codes.pop(0) if codes else 0,
        }
        running = [one for one in self.tasks.values() if one["lastStatus"] == "RUNNING"]
        self.most_running = max(self.most_running, len(running))
        return self.tasks[arn]

    def launches(self, message: str) -> int:
        return sum(task["startedBy"] == f"prompt/{message}" for task in self.tasks.values())

    # ---- SQS

    def get_queue_attributes(self, **_request: Any) -> dict[str, Any]:
        hidden = sum(one["hidden"] > self.clock() for one in self.messages.values())
        return {
            "Attributes": {
                "VisibilityTimeout": str(self.visibility),
                "RedrivePolicy": json.dumps({"maxReceiveCount": self.max_receives}),
                "ApproximateNumberOfMessages": str(len(self.messages) - hidden),
                "ApproximateNumberOfMessagesNotVisible": str(hidden),
                "ApproximateNumberOfMessagesDelayed": "0",
            }
        }

    def receive_message(self, **request: Any) -> dict[str, Any]:
        received = []
        for name, one in list(self.messages.items()):
            if one["hidden"] > self.clock() or len(received) == request["MaxNumberOfMessages"]:
                continue
            if one["receives"] == self.max_receives:
                self.dead.append(name)
                del self.messages[name]
                continue
            one["receives"] += 1
            one["hidden"] = self.clock() + self.visibility
            received.append(
                {
                    "MessageId": name,
                    "Body": one["body"],
                    "ReceiptHandle": f"{name}/{one['receives']}",
                    "Attributes": {"ApproximateReceiveCount": str(one["receives"])},
                }
            )
        if not received and request["WaitTimeSeconds"]:
            self.clock.sleep(request["WaitTimeSeconds"])
        return {"Messages": received}

    def delete_message(self, **request: Any) -> dict[str, Any]:
        if self.stale_deletes:
            self.stale_deletes -= 1
            self.messages[request["ReceiptHandle"].partition("/")[0]]["hidden"] = 0.0
            raise ClientError({"Error": {"Code": "ReceiptHandleIsInvalid", "Message": "x"}}, "DeleteMessage")
        del self.messages[request["ReceiptHandle"].partition("/")[0]]
        return {}

    def change_message_visibility(self, **request: Any) -> dict[str, Any]:
        one = self.messages[request["ReceiptHandle"].partition("/")[0]]
        if one["hidden"] <= self.clock():
            error = {"Code": "AWS.SimpleQueueService.MessageNotInflight", "Message": "The message is not in flight."}
            raise ClientError({"Error": error}, "ChangeMessageVisibility")
        one["hidden"] = self.clock() + request["VisibilityTimeout"]
        return {}

    # ---- ECS

    def run_task(self, **request: Any) -> dict[str, Any]:
        if self.refusals:
            return {"tasks": [], "failures": [self.refusals.pop(0)]}
        task = self.task(request["startedBy"].partition("/")[2])
        self.after_launch()
        return {"tasks": [_described(task)], "failures": []}

    def list_tasks(self, **request: Any) -> dict[str, Any]:
        found = [one for one in self.tasks.values() if one["startedBy"] == request["startedBy"]]
        return {"taskArns": [one["taskArn"] for one in found if one["desiredStatus"] == request["desiredStatus"]]}

    def describe_tasks(self, **request: Any) -> dict[str, Any]:
        known = [self.tasks[arn] for arn in request["tasks"] if arn in self.tasks]
        missing = [{"arn": arn, "reason": "MISSING"} for arn in request["tasks"] if arn not in self.tasks]
        return {"tasks": [_described(task) for task in known], "failures": missing}

    def stop_task(self, **request: Any) -> dict[str, Any]:
        task = self.tasks[request["task"]]
        self.stop(task, 1)
        return {"task": _described(task)}


def _described(task: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in task.items() if key not in ("ends", "exit")}
