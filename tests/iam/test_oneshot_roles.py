# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles of Oneshot's tasks may do, by the evaluator of the embedded AWS."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from authorization import Question
from iam_simulator import ACCOUNT, REGION
from oneshot_environments import ACCOUNTS, description, template
from template_parser import policies, render

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:anthropic-AbCdEf"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/oneshot"
FILES = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:file-system/fs-1"
ACCESS_POINT = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:access-point/fsap-1"
OUTPUTS = {
    "AnthropicArn": SECRET,
    "RepositoryArn": REPOSITORY,
    "SessionsFileSystemArn": FILES,
    "SessionsAccessPointArn": ACCESS_POINT,
}
BY_OWN_POINT = (("elasticfilesystem:AccessPointArn", ACCESS_POINT),)
BY_OTHER_POINT = (("elasticfilesystem:AccessPointArn", ACCESS_POINT.replace("fsap-1", "fsap-2")),)
MOUNT = Question("elasticfilesystem:ClientMount", FILES, BY_OWN_POINT)
FETCH = Question("secretsmanager:GetSecretValue", SECRET)
PULL = Question("ecr:BatchGetImage", REPOSITORY)
BEYOND = [
    Question("secretsmanager:GetSecretValue", SECRET.replace("anthropic", "another")),
    Question("ssm:GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/oneshot"),
    Question("ecr:PutImage", REPOSITORY),
    Question("ecr:BatchGetImage", REPOSITORY.replace("oneshot", "another")),
    Question("elasticfilesystem:ClientMount", FILES, BY_OTHER_POINT),
    Question("elasticfilesystem:ClientMount", FILES),
    Question("elasticfilesystem:ClientMount", FILES.replace("fs-1", "fs-2"), BY_OWN_POINT),
    Question("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:oneshot-dev-prompts"),
    Question("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/oneshot"),
    Question("ecs:RunTask", f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/oneshot-dev-prompt:1"),
]


def log(env: str, name: str) -> Question:
    """Return the request to write a line to a log group."""
    return Question(
        "logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/oneshot/{env}/{name}:log-stream:x"
    )


def documents(env: str, component: str, role: str) -> list[dict[str, Any]]:
    """Return the policies of a role of a component's stack."""
    taken = parse(description(env)).components[component].takes
    parameters = {name: OUTPUTS.get(reference.output, "none") for name, reference in taken.items()}
    parameters |= {"Project": "oneshot", "Environment": env}
    rendered = render(template(env, component), parameters, region=REGION, account=ACCOUNT)
    return [each.document for each in policies(rendered) if each.resource == role and each.kind == "identity"]


@pytest.mark.parametrize("env", ACCOUNTS)
def test_each_role_may_do_its_work_alone(env: str) -> None:
    """Execution roles fetch the image, their own secrets and logs; task roles mount by their own access point."""
    allowed = {
        ("service-ui", "ExecutionRole"): [PULL, log(env, "ui")],
        ("service-ui", "TaskRole"): [MOUNT],
        ("job-prompt", "ExecutionRole"): [PULL, FETCH, log(env, "prompt")],
        ("job-prompt", "TaskRole"): [MOUNT],
    }
    every = [PULL, FETCH, MOUNT, log(env, "ui"), log(env, "prompt"), *BEYOND]
    for (component, role), own in allowed.items():
        held = documents(env, component, role)
        assert held
        assert [each for each in every if each.is_allowed_by(held)] == [each for each in every if each in own]
