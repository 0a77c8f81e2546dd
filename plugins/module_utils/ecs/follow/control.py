# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control table of a run: an item of DynamoDB that all tasks of the run read again and again.

One write stops them all, where StopTask takes a call for each task.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code, explain, is_expired, is_transient
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import variable_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

RETRY_AFTER = 5.0  # seconds between two writes to a table that is out of reach
KEPT_S = 86_400  # seconds after which the table's TTL may delete an item
RUN_PART = "run"  # sort key of the item that says whether the run waits, goes or stops
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
NOT_STOPPED = "attribute_not_exists(#state) OR #state <> :stop"
STOP = "SET #state = :stop, #reason = :reason, #by = :by, #expires = if_not_exists(#expires, :expires)"


def known_run(described: Mapping[str, Any], control: Mapping[str, Any] | None) -> str:
    """Return the key by which a task knows its run; empty where it does not say.

    A task of an earlier launch knows the run by the key of that launch, under which alone it reads a stop.

    Args:
        described: the task as ECS describes it.
        control: the module's option ``control``.
    """
    variable = (control or {}).get("run_variable")
    return (variable_of(described, variable) or "") if variable else ""


class Control:
    """Stops a run by its item in the control table.

    Args:
        dynamodb: gives a boto3 DynamoDB client that tries each call once.
        table_name: the control table's name.
        run_id: the key of the run's items.
        clock: seconds since 1970.
    """

    def __init__(
        self, dynamodb: Callable[[], Any], table_name: str, run_id: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._dynamodb, self._run_id, self._clock = dynamodb, run_id, clock
        self.table_name = table_name

    def stop(self, reason: str) -> None:
        """Write that the run stops; also where no task has made its item yet. An earlier stop keeps its reason.

        Args:
            reason: why, for the tasks to report.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: DynamoDB refused, or is out of reach.
        """
        try:
            self._dynamodb().update_item(
                TableName=self.table_name,
                Key={"run": {"S": self._run_id}, "part": {"S": RUN_PART}},
                UpdateExpression=STOP,
                ConditionExpression=NOT_STOPPED,
                ExpressionAttributeNames={
                    "#state": "state",
                    "#reason": "reason",
                    "#by": "stopped_by",
                    "#expires": "expires_at",
                },
                ExpressionAttributeValues={
                    ":stop": {"S": "stop"},
                    ":reason": {"S": reason},
                    ":by": {"S": "ecs_task_run"},
                    ":expires": {"N": str(int(self._clock()) + KEPT_S)},
                },
            )
        except Exception as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise


class StopWrite:
    """The one write that stops a run, again while the table is out of reach.

    Args:
        control: the control table of the run; None without one.
        clock: seconds, monotonic.
        note: takes a line for the user.
        warn: takes a problem that stays.
        renew: makes the next client with credentials read anew.

    Attributes:
        heard_at: when the table took the stop, on the clock; None before.
    """

    def __init__(
        self,
        control: Control | None,
        clock: Callable[[], float],
        note: Callable[[str], None],
        warn: Callable[[Problem], None],
        renew: Callable[[], None],
    ) -> None:
        self.heard_at: float | None = None
        self._control, self._clock, self._note, self._warn, self._renew = control, clock, note, warn, renew
        self._failed_at: float | None = None

    @property
    def has_failed(self) -> bool:
        """Whether the table was out of reach."""
        return self._failed_at is not None

    @property
    def is_due_again(self) -> bool:
        """Whether the table was out of reach long enough ago to try again."""
        return self._failed_at is not None and self._clock() - self._failed_at >= RETRY_AFTER

    def write(self, reason: str) -> bool:
        """Write the stop; returns whether the table has taken it now."""
        control = self._control
        if control is None or self.heard_at is not None:
            return False
        table = f"table {control.table_name}"
        try:
            control.stop(reason)
        except Exception as error:
            if not is_expired(error) and not is_transient(error):
                self._control = None
                what = "cannot write the stop to the control table, StopTask stops the tasks"
                self._warn(explain(error, what, table))
                return False
            if not self.has_failed:
                self._note(explain(error, "cannot write the stop to the control table yet", table).line())
            if is_expired(error):
                self._renew()
            self._failed_at = self._clock()
            return False
        self.heard_at = self._clock()
        return True
