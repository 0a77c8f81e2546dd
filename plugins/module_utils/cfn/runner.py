# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``cfn_stack`` does: applies a stack, waits for it, or deletes it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import AwsClients
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.interrupt import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.aws.module_clients import place
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import OutOfPatienceError, Patience
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.apply import StackApplier
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.end import StackEnder
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import StackFollower
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import Outcome, stack_result
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.owner import check_owner
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.remedies import remedy
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed

VERBS = {"present": "apply", "settled": "wait for", "absent": "delete"}


class StackRunner:
    """Carries out one call of the module.

    Args:
        module: an AnsibleAWSModule.
        interrupt: whether SIGINT or SIGTERM came.
        patience: how long to wait; what the options say where it is None.
    """

    def __init__(self, module: Any, interrupt: Interrupt, patience: Patience | None = None) -> None:
        self._module = module
        self._params: Mapping[str, Any] = module.params
        self._patience = patience or Patience(self._params["wait_timeout"], lambda: interrupt.name)
        self._clients = AwsClients(module, lambda: bool(interrupt))
        self._feed = StackFeed(self._params["_live"])
        self._stack = Stack(lambda: self._clients.patient("cloudformation"), self._params["stack_name"])
        self._follower = StackFollower(self._stack, self._feed, self._patience, self._clients.renew)

    def run(self) -> NoReturn:
        """Do what the options ask for, and end the module."""
        is_check = self._module.check_mode
        applier = StackApplier(self._stack, self._params, self._feed, self._patience, self._follower, is_check)
        ender = StackEnder(self._stack, self._params, self._feed, self._follower, is_check)
        calls = {"present": applier.apply, "settled": ender.settle, "absent": ender.delete}
        begun = applier if self._params["state"] == "present" else ender
        try:
            if self._params["owner"]:
                check_owner(self._stack.look(), self._params["owner"])
            outcome = calls[self._params["state"]]()
        except StackRequestError as error:
            outcome = self._broken_off(str(error), begun)
        except OutOfPatienceError as error:
            outcome = self._broken_off(self._out_of_patience(str(error)), begun)
        except (BotoCoreError, ClientError) as error:
            self._module.fail_json(msg=self._explained(error), changed=begun.changed)
        finally:
            self._feed.close()
        self._end(outcome)

    def _broken_off(self, message: str, begun: StackApplier | StackEnder) -> Outcome:
        seen, operation = self._seen(), begun.operation
        return Outcome(message, changed=begun.changed, failed=True, described=seen, operation=operation)

    def _end(self, outcome: Outcome) -> NoReturn:
        with_diff = self._module.check_mode or self._module._diff
        result = stack_result(outcome, self._stack.name, self._patience.elapsed, with_diff)
        for warning in outcome.warnings:
            self._module.warn(warning)
        (self._module.fail_json if result.pop("failed") else self._module.exit_json)(**result)
        raise AssertionError("the module has ended")

    def _seen(self) -> Mapping[str, Any] | None:
        with suppress(BotoCoreError, ClientError):
            return self._stack.look()
        return None

    def _out_of_patience(self, why: str) -> str:
        found = self._seen()
        status = f" (now {found['StackStatus']})" if found else ""
        return (
            f"cannot {VERBS[self._params['state']]} stack {self._stack.name} any longer{status}: {why} "
            "-> what is under way goes on in AWS; call again to see its end"
        )

    def _explained(self, error: Exception) -> str:
        text = explain(error, f"cannot {VERBS[self._params['state']]} stack {self._stack.name}", place(self._module))
        advice = "" if " -> " in text else remedy(str(error))
        return f"{text} -> {advice}" if advice else text
