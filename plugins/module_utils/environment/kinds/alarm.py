# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch alarms."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import Kind
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource


class Alarm(Kind):
    """CloudWatch alarms that a stack of the environment holds or created."""

    name = "alarm"
    label = "alarm"

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the alarms whose names start with the environment's."""
        pages = (
            self._client("cloudwatch")
            .get_paginator("describe_alarms")
            .paginate(AlarmNamePrefix=f"{account.names.base}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        )
        for page in pages:
            for each in page.get("MetricAlarms", []) + page.get("CompositeAlarms", []):
                yield from self._alarm(account, each["AlarmName"], each["AlarmArn"])

    def _alarm(self, account: Account, name: str, arn: str) -> Iterator[Resource]:
        if holder := account.holder("AWS::CloudWatch::Alarm", name):
            yield self.resource(name, arn, holder)
            return
        client = self._client("cloudwatch")
        tags = account.tags(self.label, lambda: client.list_tags_for_resource(ResourceARN=arn)["Tags"])
        # The prefix also matches environments whose longer name has the same start.
        if account.names.owns(tags):
            yield self.resource(name, arn)
