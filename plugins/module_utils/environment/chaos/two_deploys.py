# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiment: two deployments of a service are requested at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import problem_of
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.experiment import Look
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.service_under_test import ServiceUnderTest
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

DEPLOYS = 2


class TwoDeploys:
    """Two calls of UpdateService start new deployments of the task definition that runs.

    Args:
        service: the service.
        ecs: a boto3 ECS client, which threads may share.
    """

    def __init__(self, service: ServiceUnderTest, ecs: Any) -> None:
        self._service, self._ecs = service, ecs
        self._before: frozenset[str] = frozenset()

    @property
    def promise(self) -> str:
        """What is promised."""
        return f"service {self._service.name} ends with one new deployment that is complete, and runs all its tasks"

    def obstacle(self) -> Problem | None:
        """Return why it cannot start."""
        return self._service.obstacle()

    def inject(self) -> str:
        """Request both deployments, each in a thread of its own.

        Raises:
            ProblemError: ECS accepts neither.
        """
        self._before = frozenset(self._service.state().deployments)
        with ThreadPoolExecutor(DEPLOYS) as threads:
            refused = [each for each in threads.map(self._request, range(DEPLOYS)) if each]
        if len(refused) == DEPLOYS:
            raise ProblemError(refused[0])
        accepted = f"{DEPLOYS - len(refused)} of {DEPLOYS} deployments accepted"
        return f"{accepted}; refused: {refused[0].line()}" if refused else accepted

    def look(self) -> Look:
        """Look at the service."""
        state = self._service.state()
        return Look(state.line(), state.is_steady and not self._before & {*state.deployments})

    def restore(self) -> str:
        """Put nothing back: both deployments are of the task definition that ran before."""
        return ""

    def _request(self, _number: int) -> Problem | None:
        try:
            self._ecs.update_service(cluster=self._service.cluster, service=self._service.name, forceNewDeployment=True)
        except Exception as error:
            return problem_of(error)
        return None
