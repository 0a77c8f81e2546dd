# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQS queues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import (
    IRREPLACEABLE,
    PRESENT,
    Removable,
    is_described,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.queues import QUEUES
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.job_failures import (
    COMPONENT as JOB_FAILURES,
)

TYPE = "AWS::SQS::Queue"
# Error codes for a queue that does not exist, of the JSON and of the older protocol.
MISSING = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
# Visible, in flight, and delayed.
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class Queue(Removable):
    """SQS queues that a stack of the environment holds or created; one with messages holds data."""

    name = "queue"
    label = "queue"
    protections = (IRREPLACEABLE, "left_behind")
    holds_data = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the queues of the stacks, and those that a stack kept."""
        if not is_described(account, QUEUES, TYPE):
            return
        client, prefix = self._client("sqs"), f"{account.names.base}-"
        pages = client.get_paginator("list_queues").paginate(QueueNamePrefix=prefix)
        named = [url for page in pages for url in page.get("QueueUrls", [])]
        # By name, since an emulator may list a queue by another host than its stack.
        found = {url.rpartition("/")[2]: url for url in [*named, *account.held(TYPE)]}
        for url in found.values():
            counts = self._counts(url)
            if counts is None:
                continue
            holder = account.holder(TYPE, url)
            if holder or account.names.owns(self._tags(account, url)):
                yield self.queue(url, sum(counts.values()), holder)

    def queue(self, url: str, messages: int, stack: Resource | None) -> Resource:
        """Return a queue.

        Args:
            url: its URL.
            messages: the number of its messages, those in flight included.
            stack: the stack that holds it; None where the stack was deleted.
        """
        # A queue without messages is made again by the next deploy; what is known of failed runs is in the logs, too.
        is_record = stack is not None and stack.get("component") == JOB_FAILURES
        kept = [IRREPLACEABLE, *([] if stack else ["left_behind"])] if messages and not is_record else []
        return self.resource(
            url.rpartition("/")[2], url, stack, protections=kept, detail=f"about {messages:,} message(s)"
        )

    def state(self, id_: str) -> str | None:
        """Return `PRESENT`; None where it does not exist."""
        return None if self._counts(id_) is None else PRESENT

    def remove(self, id_: str) -> None:
        """Delete a queue with its messages; SQS needs up to 60 seconds.

        See https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
        """
        self._client("sqs").delete_queue(QueueUrl=id_)

    def _tags(self, account: Account, url: str) -> dict[str, str]:
        return account.tags(self.label, lambda: self._client("sqs").list_queue_tags(QueueUrl=url).get("Tags", {}))

    def _counts(self, url: str) -> Mapping[str, int] | None:
        """Return the numbers of messages of a queue; None where it does not exist."""
        try:
            found = self._client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))["Attributes"]
        except Exception as error:
            if error_code(error) not in MISSING:
                raise
            return None
        return {name: int(found.get(name, 0)) for name in COUNTS}
