# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module ``cfn_stacks``, or ``cfn_stack`` for a set of one: applies, awaits or deletes stacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import (
    AwsClients,
    fetch_credentials,
    region_and_endpoint,
)
from ansible_collections.gantry.ecs.plugins.module_utils.aws.credentials import CredentialsError, source_of
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain, is_expired
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, Interrupt, WaitTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import remedy
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.apply import StackApplier
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.end import StackEnder
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import StackFollower
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.operation import StackOperation
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import Outcome, stack_result
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import StackState, outputs_of, state_of
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.values import texts_of

VERBS = {"present": "apply", "settled": "wait for", "absent": "delete"}


class StackSetRunner:
    """Brings a set of stacks to a state, all at the same time.

    Args:
        module: an AnsibleAWSModule.
        stacks: the complete options of each stack; see ``options_of``.
        interrupt: whether SIGINT or SIGTERM came.
        patience: how long to wait for all of them; what the options say where it is None.
    """

    def __init__(
        self,
        module: Any,
        stacks: Sequence[Mapping[str, Any]],
        interrupt: Interrupt,
        patience: Deadline | None = None,
    ) -> None:
        self._module, self._stacks = module, stacks
        self._patience = patience or Deadline(module.params["wait_timeout"], lambda: interrupt.name)
        # A connection for each stack, so that no call waits for another stack's.
        self._clients = AwsClients(module, lambda: bool(interrupt), connections=len(stacks))
        self._feed = StackFeed(module.params["_live"])
        self._where = region_and_endpoint(module)

    def run(self) -> list[dict[str, Any]]:
        """Return what became of each stack, in their order: the values that ``stack_result`` documents.

        A failure of one stack ends no other one's operation, and is reported while the others go on.
        """
        try:
            # Of several threads that fetch credentials at the same time, only one gets the error that says why not.
            fetch_credentials(self._clients.once("cloudformation"), source_of(self._module.params))
        except (BotoCoreError, ClientError) as error:
            self._module.fail_json(msg=self._request_problem(error).line())
        try:
            if len(self._stacks) == 1:
                return [self._run_one(self._stacks[0])]
            with ThreadPoolExecutor(len(self._stacks), "stack") as pool:
                return list(pool.map(self._run_one, self._stacks))
        finally:
            self._feed.close()

    def _run_one(self, options: Mapping[str, Any]) -> dict[str, Any]:
        stack = Stack(lambda: self._clients.patient("cloudformation"), options["stack_name"])
        follower = StackFollower(stack, self._feed, self._patience, self._clients.renew)
        is_check = self._module.check_mode
        runner = StackRunner(stack, options, self._feed, self._patience, follower, is_check)
        try:
            outcome = runner.run()
        except (BotoCoreError, ClientError) as error:
            problem = self._request_problem(error, stack.name)
            outcome = Outcome(problem=problem, changed=runner.operation.changed, operation=runner.operation.operation)
        if outcome.problem and len(self._stacks) > 1:
            self._feed.note(outcome.line)
        return stack_result(outcome, stack.name, self._patience.elapsed, is_check or self._module._diff)

    def _request_problem(self, error: Exception, stack_name: str = "") -> Problem:
        """Return the problem of a request that failed, for one stack; for all where the credentials have failed."""
        is_of_all = not stack_name or isinstance(error, CredentialsError) or is_expired(error)
        names = [one["stack_name"] for one in self._stacks] if is_of_all else [stack_name]
        subject = f"stack{'s' if len(names) > 1 else ''} {', '.join(names)}"
        problem = explain(error, f"cannot {VERBS[self._module.params['state']]} {subject}", self._where)
        return problem._replace(kind="request_failed", remedy=problem.remedy or remedy(str(error)))


class StackRunner:
    """Brings one stack to a state.

    Attributes:
        operation: the operation that does so.

    Args:
        stack: the stack.
        options: its complete options.
        feed: where to report progress.
        patience: how long to wait.
        follower: follows the current operation.
        is_check: whether nothing may be changed.
    """

    def __init__(
        self,
        stack: Stack,
        options: Mapping[str, Any],
        feed: StackFeed,
        patience: Deadline,
        follower: StackFollower,
        is_check: bool,
    ) -> None:
        self._stack, self._state = stack, options["state"]
        self._expected = {} if is_check or self._state == "absent" else texts_of(options["expected_outputs"])
        self.operation: StackOperation
        self._call: Callable[[], Outcome]
        if self._state == "present":
            self.operation = applier = StackApplier(stack, options, feed, patience, follower, is_check)
            self._call = applier.apply
        else:
            self.operation = ender = StackEnder(stack, options, feed, patience, follower, is_check)
            self._call = ender.settle if self._state == "settled" else ender.delete

    def run(self) -> Outcome:
        """Do what the options request.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: a request failed.
        """
        try:
            outcome = self._call()
            outcome.problem = outcome.problem or self._unexpected(outcome.described)
            return outcome
        except StackRequestError as error:
            problem = error.problem
        except WaitTimeoutError as error:
            problem = self._timeout(str(error))
        begun = self.operation
        return Outcome(problem=problem, changed=begun.changed, described=self._seen(), operation=begun.operation)

    def _unexpected(self, described: Mapping[str, Any] | None) -> Problem | None:
        """Return the problem of outputs that are not those that are expected; only of a stack at rest."""
        if state_of(described) is not StackState.READY:
            return None
        outputs = outputs_of(described)
        different = [name for name, value in self._expected.items() if outputs.get(name) != value]
        if not different:
            return None
        pairs = [f"output {name} {outputs.get(name, '(none)')} instead of {self._expected[name]}" for name in different]
        # An emulator may find nothing to change in an update that changes an output alone.
        return Problem(
            "unexpected_output",
            f"stack {self._stack.name} has {', '.join(pairs)}",
            "delete the stack, and apply it again",
        )

    def _seen(self) -> Mapping[str, Any] | None:
        with suppress(BotoCoreError, ClientError):
            return self._stack.look()
        return None

    def _timeout(self, why: str) -> Problem:
        found = self._seen()
        status = f" (now {found['StackStatus']})" if found else ""
        return Problem(
            "timeout",
            f"cannot {VERBS[self._state]} stack {self._stack.name} any longer{status}: {why}",
            "the operation goes on in AWS; call again to see its end",
        )
