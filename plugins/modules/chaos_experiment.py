#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: a fault in a deployed system, and whether the recovery that is promised comes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: chaos_experiment
short_description: Cause a fault in a deployed system, and measure its recovery
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - States the recovery that is promised, causes one fault that is bounded in time, and watches until the system has
    recovered or O(wait_timeout) is over. RV(has_held) says whether the promise held.
  - Puts back everything that it changed, also when it fails, and on SIGINT or SIGTERM.
  - Starts nothing while the service under test is not steady, so that an earlier fault is not taken for its own.
options:
  project:
    description: First part of the system's names.
    type: str
    required: true
  environment:
    description: Name of the environment.
    type: str
    required: true
  experiment:
    description:
      - V(stop_task) stops a task of the service by C(StopTask). ECS has to start another one.
      - V(kill_task) kills the process of a task, on the embedded AWS only. ECS has to start another one, and the cause
        of the stop has to name exit code 137.
      - V(missing_secret) deletes a secret that can be restored, and launches a task that needs it. The task must not
        start, its cause has to name the secret, and the tasks that run have to go on. The secret is restored.
      - V(two_deploys) requests two deployments of the service at the same time. One new deployment has to remain.
      - V(paused_aws) lets the embedded AWS stand still for O(pause) seconds, on the embedded AWS only. The tasks and
        the load balancer have to go on.
    type: str
    required: true
    choices: [stop_task, kill_task, missing_secret, two_deploys, paused_aws]
  description:
    description: The system's description, as P(gantry.ecs.system_description#filter) returns it.
    type: dict
    required: true
  service:
    description: The service under test, by its name in the description; by default the first one that has tasks.
    type: str
    default: ""
  local_directory:
    description: Directory of the embedded AWS; empty for an account.
    type: path
    default: ""
  pause:
    description: Seconds for which the embedded AWS stands still.
    type: float
    default: 10
  wait_timeout:
    description: Seconds within which the recovery is promised.
    type: int
    default: 300
  _live:
    description:
      - Internal, not for use in plays, and free to change.
      - File from which the action plugin reads what to show.
    type: path
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the promise without causing the fault.
    support: full
notes:
  - It calls C(ecs:DescribeServices), C(ecs:ListTasks), C(ecs:DescribeTasks) and
    C(elasticloadbalancing:DescribeTargetHealth), and what the experiment needs - C(ecs:StopTask); C(ecs:UpdateService);
    or C(secretsmanager:DescribeSecret), C(secretsmanager:DeleteSecret), C(secretsmanager:RestoreSecret),
    C(cloudformation:DescribeStacks), C(ecs:RunTask) and C(iam:PassRole).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Stop a task, and measure how long its replacement takes
  gantry.ecs.chaos_experiment:
    project: oneshot
    environment: dev
    experiment: stop_task
    description: "{{ system_description }}"
    wait_timeout: 120
  register: stopped

- name: Fail where the promise did not hold
  ansible.builtin.assert:
    that: stopped.has_held
    fail_msg: "{{ stopped.reason }}"
"""

RETURN = r"""
promise:
  description: The recovery that is promised.
  returned: always
  type: str
  sample: service oneshot-dev-ui runs all its tasks again, another one instead of the ended one
has_held:
  description: Whether the promise held.
  returned: when it was not in check mode
  type: bool
  sample: true
seconds:
  description: Seconds from the fault to the recovery, or to the end of the watch.
  returned: when it was not in check mode
  type: float
  sample: 3.2
reason:
  description: Why the promise did not hold; empty where it did.
  returned: when it was not in check mode
  type: str
  sample: ""
lines:
  description: What was done and seen, each with its second.
  returned: when it was not in check mode
  type: list
  elements: str
  sample: ["0.0 s: StopTask for task 0cc175b9c0f1b6a831c399e269772661"]
"""

from typing import Any, cast

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import AwsClients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.choice import EXPERIMENTS, Setting, chosen
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.experiment import carry_out
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.clusters import cluster_names
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError

ARGUMENT_SPEC: dict[str, Any] = {
    "project": {"type": "str", "required": True},
    "environment": {"type": "str", "required": True},
    "experiment": {"type": "str", "required": True, "choices": list(EXPERIMENTS)},
    "description": {"type": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "local_directory": {"type": "path", "default": ""},
    "pause": {"type": "float", "default": 10},
    "wait_timeout": {"type": "int", "default": 300},
    "_live": {"type": "path"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    setting = Setting(
        project=params["project"],
        environment=params["environment"],
        sections=cast(Sections, params["description"]),
        service=params["service"],
        local_directory=params["local_directory"],
        pause_s=params["pause"],
        clusters=cluster_names(params["description"].get("components", {})),
    )
    feed = LiveFeed(params["_live"], None)
    result: dict[str, Any] = {}
    try:
        # An interrupt ends the watch; what puts everything back has to be patient all the same.
        clients = AwsClients(module)
        experiment = chosen(params["experiment"], setting, clients.patient)
        result = {"promise": experiment.promise}
        if not module.check_mode:
            with Interrupt() as interrupt:
                outcome = carry_out(experiment, params["wait_timeout"], lambda: interrupt.name, feed.note)
            result |= outcome._asdict()
    except ProblemError as error:
        module.fail_json(msg=str(error))
    except Exception as error:
        action = f"cannot carry out experiment {params['experiment']}"
        module.fail_json(msg=explain(error, action, region_and_endpoint(module)).line())
    finally:
        feed.close()
    module.exit_json(changed=True, **result)


if __name__ == "__main__":
    main()
