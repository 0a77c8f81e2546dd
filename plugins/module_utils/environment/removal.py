# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes what stacks do not: their protection, and what outlives them; says each time whether it changed something."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import is_missing

PAUSE = 1.0  # seconds between two looks at a table


class PartTimeoutError(Exception):
    """A table did not come to rest in time; the message says in which state it is."""


class EnvironmentPart:
    """Takes protection off things, and removes them.

    Args:
        client: makes a boto3 client of a service.
        timeout: seconds that a table may take.
        is_check: only tell what would be changed.
        clock: seconds, monotonic.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        timeout: float,
        is_check: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._timeout, self._is_check, self._clock, self._sleep = client, timeout, is_check, clock, sleep

    def unprotect(self, kind: str, id_: str) -> bool:
        """Take the protection off a stack or table.

        Args:
            kind: "stack" or "table".
            id_: its name.

        Returns:
            Whether it was protected; no for one that is not there.

        Raises:
            PartTimeoutError: a table is still being changed.
            botocore.exceptions.BotoCoreError, ClientError: AWS refused, or was out of reach.
        """
        return {"stack": self._unprotect_stack, "table": self._unprotect_table}[kind](id_)

    def remove(self, kind: str, id_: str) -> bool:
        """Remove a thing.

        Args:
            kind: "table", "repository" (with its images), "log_group", "ssm_parameter" or "task_definition".
            id_: its name; the ARN of a task definition, which becomes inactive.

        Returns:
            Whether it was there.

        Raises:
            PartTimeoutError: a table is still there.
            botocore.exceptions.BotoCoreError, ClientError: AWS refused, or was out of reach.
        """
        return {
            "table": self._remove_table,
            "repository": self._remove_repository,
            "log_group": self._remove_log_group,
            "ssm_parameter": self._remove_ssm_parameter,
            "task_definition": self._remove_task_definition,
        }[kind](id_)

    def _unprotect_stack(self, name: str) -> bool:
        """See https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateTerminationProtection.html."""
        client = self._client("cloudformation")
        try:
            stack = client.describe_stacks(StackName=name)["Stacks"][0]
        except Exception as error:
            if is_missing(error):
                return False
            raise
        if not stack.get("EnableTerminationProtection"):
            return False
        if not self._is_check:
            client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        return True

    def _unprotect_table(self, name: str) -> bool:
        """See https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html."""
        table = self._table(name)
        if not (table or {}).get("DeletionProtectionEnabled"):
            return False
        if not self._is_check:
            self._rest(name)
            self._client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=False)
            self._rest(name)
        return True

    def _remove_table(self, name: str) -> bool:
        if self._table(name) is None:
            return False
        if not self._is_check:
            self._rest(name)
            client = self._client("dynamodb")
            client.delete_table(TableName=name)
            self._until(name, lambda table: table is None)
        return True

    def _remove_repository(self, name: str) -> bool:
        client = self._client("ecr")
        try:
            client.describe_repositories(repositoryNames=[name])
        except client.exceptions.RepositoryNotFoundException:
            return False
        if not self._is_check:
            client.delete_repository(repositoryName=name, force=True)
        return True

    def _remove_log_group(self, name: str) -> bool:
        client = self._client("logs")
        groups = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if name not in [group["logGroupName"] for group in groups]:
            return False
        if not self._is_check:
            client.delete_log_group(logGroupName=name)
        return True

    def _remove_ssm_parameter(self, name: str) -> bool:
        client = self._client("ssm")
        named = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
        if not client.describe_parameters(ParameterFilters=named)["Parameters"]:
            return False
        if not self._is_check:
            client.delete_parameter(Name=name)
        return True

    def _remove_task_definition(self, arn: str) -> bool:
        client = self._client("ecs")
        try:
            found = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        except client.exceptions.ClientException:
            return False
        if found["status"] != "ACTIVE":
            return False
        if not self._is_check:
            client.deregister_task_definition(taskDefinition=arn)
        return True

    def _table(self, name: str) -> dict[str, Any] | None:
        client = self._client("dynamodb")
        try:
            return dict(client.describe_table(TableName=name)["Table"])
        except client.exceptions.ResourceNotFoundException:
            return None

    def _rest(self, name: str) -> None:
        self._until(name, lambda table: table is None or table["TableStatus"] == "ACTIVE")

    def _until(self, name: str, is_reached: Callable[[dict[str, Any] | None], bool]) -> None:
        until = self._clock() + self._timeout
        while not is_reached(table := self._table(name)):
            if self._clock() + PAUSE > until:
                state = (table or {}).get("TableStatus", "gone")
                raise PartTimeoutError(f"table {name} is still {state} after {self._timeout:.0f} s")
            self._sleep(PAUSE)
