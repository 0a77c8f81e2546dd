# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module ``ecs_service``: requests a deployment where it is needed, and follows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import AwsClients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain, is_expired, is_transient
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, Interrupt, WaitTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.difference import definition_texts
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.line import progress_text
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import (
    Deployment,
    Observation,
    StackSeen,
    StoppedTask,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.outcome import Outcome
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.plan import (
    COUNT_TAG,
    Plan,
    ServiceRequestError,
    definition_problem,
    deploy_plan,
    parameter_problems,
    rollback_plan,
    service_problem,
    stop_plan,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.progress import (
    Goal,
    ServiceProgress,
    State,
    Verdict,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.rollout import family_of, short_name
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.sight import ServiceSight
from ansible_collections.gantry.ecs.plugins.module_utils.live.service_feed import ServiceFeed
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, combined

# Between two looks, in seconds: short deployments end soon, and long ones must not use up the account's calls.
PAUSE_FIRST, PAUSE_GROWTH, PAUSE_LAST = 0.5, 1.3, 3.0
CALLS_A_SECOND = 2.0  # calls of observations, on average over a look and the pause after it
NAP = 0.25  # seconds; the longest delay of an interrupt
TROUBLED_PAUSE, TROUBLED_LIMIT = 5.0, 300.0  # seconds between looks that fail, and for how long they may fail
LISTING_LOOKS = 20  # most looks for a deployment that was requested
LOG_GRACE = 20.0  # seconds after a task's end for which its log may have no lines yet
VERBS = {"deployed": "deploy", "stopped": "stop", "rolled_back": "roll back"}
StackSight = Callable[[Callable[[], Any], str], Callable[[], StackSeen]]


class ServiceRunner:
    """Carries out one call.

    Args:
        module: an AnsibleAWSModule.
        interrupt: whether SIGINT or SIGTERM came.
        stack_sight: returns what looks at a stack, given what returns a CloudFormation client, and the stack's name.
        patience: how long to wait; what the options say where it is None.
    """

    def __init__(
        self, module: Any, interrupt: Interrupt, stack_sight: StackSight, patience: Deadline | None = None
    ) -> None:
        self._module, self._params, self._interrupt = module, module.params, interrupt
        self._patience = patience or Deadline(module.params["wait_timeout"], lambda: interrupt.name)
        self._clients = AwsClients(module, lambda: bool(interrupt))
        self._feed = ServiceFeed(module.params["_live"])
        self._name = str(self._params["service"]).rpartition("/")[2]
        stack_name = self._params["stack_name"]
        self._sight = ServiceSight(
            self._clients.patient,
            self._params["cluster"],
            self._params["service"],
            self._params["deployment"] or "",
            stack_sight(lambda: self._clients.patient("cloudformation"), stack_name) if stack_name else None,
        )
        self._outcome = Outcome()
        self._answered: set[str] = set()
        self._logs: dict[tuple[str, int | None], tuple[StoppedTask, float]] = {}

    def run(self) -> Outcome:
        """Bring the service to the requested state, and return how that ended."""
        outcome = self._outcome
        try:
            if problems := list(parameter_problems(self._params)):
                raise ServiceRequestError(*problems)
            self._run()
        except ServiceRequestError as error:
            outcome.problem = combined(error.problems)
        except (BotoCoreError, ClientError) as error:
            action = f"cannot {VERBS[self._params['state']]} service {self._name} of cluster {self._params['cluster']}"
            outcome.problem = explain(error, action, region_and_endpoint(self._module))
        finally:
            self._feed.stop(0, 0)
            self._feed.close()
        outcome.calls, outcome.elapsed_s = self._sight.calls, self._patience.elapsed
        return outcome

    def _run(self) -> None:
        params, outcome = self._params, self._outcome
        if params["stack_name"]:
            wanted = self._sight.definition(params["task_definition"]) if params["task_definition"] else {}
            plan = Plan(Goal(self._name, str(wanted.get("taskDefinitionArn") or ""), None, params["fail_early"]))
        else:
            plan = self._plan()
        outcome.warnings += plan.warnings
        if self._module.check_mode:
            outcome.seen = self._sight.look(plan.goal.task_definition)
            outcome.changed = plan.is_change
            what = "; ".join(plan.lines) or "nothing to change"
            outcome.message = f"service {self._name}: {'would deploy ' if plan.is_change else ''}{what}"
            return
        if plan.is_change:
            self._request(plan)
        if not params["wait"]:
            outcome.seen = self._listed(plan.goal)
            outcome.message = f"service {self._name}: {'; '.join(plan.lines) or 'nothing requested'}, not waited for"
            return
        progress = outcome.progress = ServiceProgress(plan.goal)
        self._end(self._followed(progress), progress)

    # ---- The request

    def _plan(self) -> Plan:
        """Decide what to request.

        Raises:
            ServiceRequestError: the service, or the options, do not allow it.
        """
        params = self._params
        service = self._sight.service(include=["TAGS"])
        if problem := service_problem(service, self._name, params["cluster"]):
            raise ServiceRequestError(problem)
        runs = self._outcome.previous = str(service.get("taskDefinition") or "")
        if params["state"] == "stopped":
            return stop_plan(service)
        definition = self._checked(params["task_definition"], service) if params["task_definition"] else {}
        wanted = str(definition.get("taskDefinitionArn") or "")
        newest = self._sight.deployment(service)
        if params["state"] == "rolled_back" and not wanted:
            earlier = self._sight.successful_definitions() or self._sight.active_definitions(family_of(runs))
            plan = rollback_plan(service, newest, earlier, params)
            if after := plan.update.get("taskDefinition"):
                definition = self._checked(after, service)
        else:
            plan = deploy_plan(service, newest, wanted, params)
        if self._module._diff:
            self._outcome.diff = self._texts(service, definition, plan)
        return plan

    def _checked(self, name: str, service: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a task definition that can be deployed to the service."""
        definition = self._sight.definition(name)
        if problem := definition_problem(definition, service):
            raise ServiceRequestError(problem)
        return definition

    def _texts(self, service: Mapping[str, Any], definition: Mapping[str, Any], plan: Plan) -> tuple[str, str]:
        runs = self._sight.definition(str(service["taskDefinition"])) if service.get("taskDefinition") else {}
        before, after = definition_texts(runs, definition if "taskDefinition" in plan.update else runs)
        desired = service.get("desiredCount", 0)
        count = plan.update.get("desiredCount", desired)
        return f"{before}desired count {desired}\n", f"{after}desired count {count}\n"

    def _request(self, plan: Plan) -> None:
        params, outcome = self._params, self._outcome
        self._feed.note(f"service {self._name}: {'; '.join(plan.lines)}")
        # A call that is repeated after a lost response has the same effect, but for a forced deployment.
        is_forced = bool(plan.update.get("forceNewDeployment"))
        ecs = self._clients.once("ecs") if is_forced or plan.stops else self._clients.patient("ecs")
        if plan.keeps_count is not None:
            self._tag(ecs, plan.keeps_count)
        if plan.stops:
            ecs.stop_service_deployment(serviceDeploymentArn=plan.stops, stopType="ROLLBACK")
            outcome.changed = True
        if plan.update:
            ecs.update_service(cluster=params["cluster"], service=params["service"], **plan.update)
            outcome.changed = True
        if plan.drops_count:
            self._untag(ecs)

    def _tag(self, ecs: Any, count: int) -> None:
        arn = self._sight.service()["serviceArn"]
        ecs.tag_resource(resourceArn=arn, tags=[{"key": COUNT_TAG, "value": str(count)}])

    def _untag(self, ecs: Any) -> None:
        try:
            ecs.untag_resource(resourceArn=self._sight.service()["serviceArn"], tagKeys=[COUNT_TAG])
        except (BotoCoreError, ClientError) as error:
            self._outcome.warnings.append(
                explain(error, f"tag {COUNT_TAG} is left", region_and_endpoint(self._module)).line()
            )

    def _listed(self, goal: Goal) -> Observation:
        """Look until ECS lists the requested deployment, so that another call can follow it; not for long."""
        for _look in range(LISTING_LOOKS):
            seen = self._sight.look(goal.task_definition)
            if not goal.earlier or (seen.deployment and seen.deployment.arn != goal.earlier):
                break
            self._pause(PAUSE_FIRST)
        return seen

    # ---- Following

    def _followed(self, progress: ServiceProgress) -> Verdict:
        """Follow the service to a verdict; one of state GOING means that the time is over, or an interrupt came."""
        pause, verdict = PAUSE_FIRST, Verdict(State.GOING)
        while True:
            try:
                calls = self._sight.calls
                seen = self._outcome.seen = self._look(progress.task_definition)
                lines, verdict = progress.advance(seen)
                elapsed_s = self._patience.elapsed
                for line in lines:
                    self._feed.line(line.text, elapsed_s, line.is_detail)
                self._show_logs(progress.failures)
                self._feed.progress(progress_text(seen, progress.bake_left_s(seen)), elapsed_s)
                if verdict.state is not State.GOING and not self._rolls_back(verdict, seen):
                    return verdict
                self._answer(seen.deployment)
                self._pause(max(pause, (self._sight.calls - calls) / CALLS_A_SECOND))
            except WaitTimeoutError:
                return verdict if verdict.state is State.GOING else Verdict(State.GOING)
            pause = min(pause * PAUSE_GROWTH, PAUSE_LAST)

    def _look(self, definition: str) -> Observation:
        """Look at the service; while AWS fails, or the credentials have expired, wait for a better time."""
        since: float | None = None
        while True:
            try:
                return self._sight.look(definition)
            except (BotoCoreError, ClientError) as error:
                if not is_expired(error) and not is_transient(error):
                    raise
                if since is None:
                    since = self._patience.elapsed
                    problem = explain(
                        error, f"cannot look at service {self._name}, trying again", region_and_endpoint(self._module)
                    )
                    self._feed.note(problem.line())
                elif self._patience.elapsed - since > TROUBLED_LIMIT:
                    raise
                self._clients.renew()
            self._pause(TROUBLED_PAUSE)

    def _show_logs(self, failures: Sequence[StoppedTask]) -> None:
        """Show the last lines of the log of the first task of each cause, as soon as there are any."""
        now_s, log_lines = self._patience.elapsed, self._outcome.log_lines
        for one in failures:
            self._logs.setdefault((one.cause.kind, one.exit_code), (one, now_s + LOG_GRACE))
        for task, until_s in self._logs.values():
            if task.task_id in log_lines or now_s > until_s:
                continue
            try:
                lines = self._sight.last_lines(task)
            except (BotoCoreError, ClientError) as error:
                if is_expired(error) or is_transient(error):
                    continue
                action = f"cannot read log stream {task.log_stream} of log group {task.log_group}"
                self._outcome.warnings.append(explain(error, action, region_and_endpoint(self._module)).line())
                log_lines[task.task_id] = []
                continue
            for line in lines:
                self._feed.line(f"task {task.task_id} log: {line}", now_s)
            if lines:
                log_lines[task.task_id] = lines

    def _pause(self, seconds: float) -> None:
        for _nap in range(math.ceil(seconds / NAP)):
            self._patience.pause(NAP)

    def _answer(self, deployment: Deployment | None) -> None:
        """Answer the hooks at which the deployment waits, each once."""
        action = self._params["pause_action"]
        if not deployment or not action:
            return
        for pause in deployment.pauses:
            if pause.hook_id in self._answered:
                continue
            self._clients.once("ecs").continue_service_deployment(
                serviceDeploymentArn=deployment.arn, hookId=pause.hook_id, action=action.upper()
            )
            self._answered.add(pause.hook_id)
            self._outcome.changed = True
            self._feed.note(f"service {self._name}: {action} at {deployment.stage or 'the hook'}")

    def _rolls_back(self, verdict: Verdict, seen: Observation) -> bool:
        """Roll the deployment back where the options say so; returns whether its end is still to be followed."""
        problem, deployment = verdict.problem, seen.deployment
        is_wanted = self._params["on_early_failure"] == "rollback"
        if not problem or problem.kind != "early_failure" or not is_wanted or not deployment:
            return False
        if not deployment.source or not deployment.can_be_stopped:
            self._outcome.warnings.append(f"the deployment goes on: service {self._name} has nothing to roll back to")
            return False
        self._outcome.problem = problem
        self._feed.note(f"service {self._name}: rolling back to {short_name(deployment.source)}, since {problem.what}")
        try:
            self._clients.once("ecs").stop_service_deployment(serviceDeploymentArn=deployment.arn, stopType="ROLLBACK")
        except (BotoCoreError, ClientError) as error:
            action = f"the deployment goes on: cannot stop {deployment.arn}"
            self._outcome.warnings.append(explain(error, action, region_and_endpoint(self._module)).line())
            return False
        self._outcome.changed = True
        return True

    def _end(self, verdict: Verdict, progress: ServiceProgress) -> None:
        """Put the verdict into the outcome."""
        outcome, seen = self._outcome, self._outcome.seen
        outcome.unmet = verdict.unmet
        outcome.changed |= progress.was_under_way
        if verdict.state is State.DONE:
            runs = short_name(seen.primary.task_definition) if seen and seen.primary else "nothing"
            is_stop = self._params["state"] == "stopped"
            count = seen.desired if seen else 0
            outcome.message = f"service {self._name} " + ("has no tasks" if is_stop else f"runs {count} of {runs}")
        elif verdict.state is State.FAILED:
            early = outcome.problem
            runs = short_name(seen.primary.task_definition) if seen and seen.primary else "nothing"
            if early and verdict.problem and verdict.problem is not early:
                outcome.problem = early._replace(what=f"{early.what}; {runs} is deployed again")
            else:
                outcome.problem = verdict.problem
        else:
            outcome.problem = self._unfinished(verdict, progress)
            self._feed.note(outcome.problem.line())

    def _unfinished(self, verdict: Verdict, progress: ServiceProgress) -> Problem:
        """Return the problem of a call that ended before the deployment."""
        deployment = progress.deployment
        arn = deployment.arn if deployment else ""
        again = "call again with the same options to follow it" + (f", or with deployment: {arn}" if arn else "")
        if self._interrupt:
            what = f"interrupted by {self._interrupt.name}; the deployment goes on"
            return Problem("interrupted", f"service {self._name}: {what}", again)
        cause = progress.first_cause(deployment)
        reasons = [*verdict.unmet, *([cause.what] if cause else [])]
        what = f"wait_timeout of {self._params['wait_timeout']} s is over: {'; '.join(reasons) or 'not observed yet'}"
        remedy = f"{cause.remedy}; " if cause and cause.remedy else ""
        return Problem("timeout", f"service {self._name}: {what}", f"{remedy}{again}")
