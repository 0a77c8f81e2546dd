# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiment: a secret is missing while a task that needs it is launched; the tasks that run go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.failures import explain_failures
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.request import run_request
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import describe_tasks, task_of
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.experiment import Look
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.secrets import is_created
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import group_of
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Job, Sections, Service, container_jobs
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError, joined_line

MARK = "experiment/missing_secret"
# The shortest that Secrets Manager keeps a deleted secret, and within which it can be restored:
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
RECOVERY_DAYS = 7


class SecretUse(NamedTuple):
    """A workload that needs a secret.

    Attributes:
        secret: name of the secret in the description.
        kind: ``service`` or ``job``.
        workload: its name.
        cluster: component of its cluster.
    """

    secret: str
    kind: str
    workload: str
    cluster: str


def secret_use(sections: Sections) -> SecretUse | None:
    """Return the first workload whose main container needs a secret that the deploy has created; jobs come first."""
    workloads: dict[str, Mapping[str, Service | Job]] = {
        "job": container_jobs(sections),
        "service": sections["services"],
    }
    for kind, named in workloads.items():
        for name, workload in named.items():
            for text in workload["secrets"].values():
                secret = text.partition("#")[0]
                if is_created(sections["secrets"][secret]):
                    return SecretUse(secret, kind, name, workload["cluster"])
    return None


class MissingSecret:
    """A secret is scheduled for deletion, a task that needs it is launched, and the secret is restored.

    Args:
        client: returns a boto3 client of a service, such as "ecs".
        project: first part of the system's names.
        environment: name of the environment.
        cluster: name of the workload's cluster.
        use: the secret and the workload.
        running: returns the ids of all tasks of the services that run.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        project: str,
        environment: str,
        cluster: str,
        use: SecretUse,
        running: Callable[[], frozenset[str]],
    ) -> None:
        self._client, self._cluster, self._use, self._running = client, cluster, use, running
        self._base, self._secret = f"{project}-{environment}", f"{project}/{environment}/{use.secret}"
        self._before: frozenset[str] = frozenset()
        self._is_deleted, self._task = False, ""

    @property
    def promise(self) -> str:
        """What is promised."""
        use = self._use
        return (
            f"a new task of {use.kind} {use.workload} does not start, its cause names secret {self._secret}, and the "
            "tasks that run go on"
        )

    def obstacle(self) -> Problem | None:
        """Return why it cannot start."""
        try:
            found = self._client("secretsmanager").describe_secret(SecretId=self._secret)
        except Exception as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return Problem("absent", f"secret {self._secret} does not exist", "deploy the system first")
        if found.get("DeletedDate"):
            return Problem("absent", f"secret {self._secret} is deleted", self._restoring)
        if not found.get("VersionIdsToStages"):
            return Problem(
                "absent", f"secret {self._secret} has no value", "put its value first: docs/systems.md#secrets"
            )
        return None

    def inject(self) -> str:
        """Delete the secret, with the time to restore it, and launch a task that needs it."""
        self._before = self._running()
        request = self._request()
        self._is_deleted = True
        self._client("secretsmanager").delete_secret(SecretId=self._secret, RecoveryWindowInDays=RECOVERY_DAYS)
        response = self._client("ecs").run_task(**request)
        if not response["tasks"]:
            raise ProblemError(Problem("launch", joined_line(explain_failures(response["failures"]))))
        self._task = response["tasks"][0]["taskArn"].rpartition("/")[2]
        return f"secret {self._secret} is deleted, task {self._task} of {self._use.workload} is launched"

    def look(self) -> Look:
        """Look at the task, and at those that ran before."""
        if lost := self._before - self._running():
            return Look(f"{len(lost)} task(s) that ran before have ended", False, f"task {min(lost)} ended")
        found, _missing = describe_tasks(self._client("ecs"), self._cluster, [self._task])
        task = task_of(found[0], []) if found else None
        if task is None or task["last_status"] != "STOPPED":
            status = task["last_status"] if task else "not known to ECS"
            is_running = task is not None and task["last_status"] == "RUNNING"
            return Look(f"the task is {status}", False, "the task started without its secret" if is_running else "")
        cause = stop_cause(task)
        line = f"the task stopped: {cause.what if cause else 'no cause'}"
        # A cause is shortened for a line.
        if cause is None or cause.kind != "secrets" or self._use.secret not in f"{line} {task['stopped_reason']}":
            return Look(line, False, "the cause does not name the secret")
        return Look(line, True)

    def restore(self) -> str:
        """Restore the secret, and stop the task if it runs.

        Raises:
            ProblemError: the secret cannot be restored.
        """
        if self._task:
            self._client("ecs").stop_task(cluster=self._cluster, task=self._task, reason=MARK)
        if not self._is_deleted:
            return ""
        try:
            self._client("secretsmanager").restore_secret(SecretId=self._secret)
        except Exception as error:
            what = f"secret {self._secret} is still deleted: {error_code(error) or error}"
            raise ProblemError(Problem("restore", what, self._restoring)) from error
        return f"secret {self._secret} is restored"

    @property
    def _restoring(self) -> str:
        return f"aws secretsmanager restore-secret --secret-id {self._secret}"

    def _request(self) -> Mapping[str, Any]:
        subnets = self._output("network", "PrivateSubnetIds").split(",")
        group = group_of(self._use.kind, self._use.workload)
        return run_request(
            {
                "cluster": self._cluster,
                "task_definition": f"{self._base}-{self._use.workload}",
                "network_configuration": {
                    "subnets": subnets,
                    "security_groups": [self._output(group.component, group.name)],
                },
                "enable_ecs_managed_tags": True,
            },
            count=1,
            client_token=uuid4().hex,
            started_by=MARK,
            container=self._use.workload,
            environment={},
        )

    def _output(self, component: str, name: str) -> str:
        [stack] = self._client("cloudformation").describe_stacks(StackName=f"{self._base}-{component}")["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
        if name not in outputs:
            raise ProblemError(
                Problem("absent", f"stack {self._base}-{component} has no output {name}", "deploy it again")
            )
        return str(outputs[name])
