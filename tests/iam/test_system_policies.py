# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies that files/iam gives for a description: what its stacks need, by name, and nothing of another system."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections, container_jobs
from authorization import Question
from hypothesis import Phase, given, settings
from policy_files import FILES, NAMES, OF_SYSTEMS, listed, text_of
from policy_handlers import BEYOND_FOR_DESCRIPTIONS, BEYOND_HANDLERS, EXCUSED, handler_permissions
from system_policies import EVERYTHING, HERE, Document, of, oneshot, stacks_of
from system_strategies import EXISTING, KEY, drawn_systems
from template_parser import ACCOUNT, load, policies, template_path

IDENTITY = [name for name in OF_SYSTEMS if name != "cloudformation-trust"]
# A role has at most ten managed policies: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_POLICIES = 10
# Statements on every resource; a comment in the file gives the reason of each.
ON_EVERYTHING = {
    "boundary": {"LookAtTraffic", "RunExperiments", "CallWhatKnowsNoResource"},
    "builder": {"LogInToTheRegistry"},
    "cloudformation": {
        *(
            "GenerateSecrets",
            "MakeFileSystems",
            "RequestCertificates",
            "MakeTheZone",
            "ListZones",
            "MakeTheNamespace",
            "MakeProxies",
            "LookAtLoadBalancers",
            "LookAtTargetGroups",
            "LookAtRulesOfSecurityGroups",
            "LookAtVersionsOfDatabases",
            "MakeKeys",
        ),
        "CallWhatKnowsNoResource",
    },
    "deployer": {
        *("ListZones", "ListTasks", "LookAtLoadBalancers", "LookAtTargetGroups", "LookAtRulesOfSecurityGroups"),
        *("CallWhatKnowsNoResource", "LookAtTheNetwork", "ReadTheTagsOfTheNamespace"),
    },
    "runner": {"ListTasks", "LookBeforeALaunch"},
}
# A second deployment of the same names: its resources belong to somebody else.
OTHERS = (("other", "dev"), ("shop", "prod"), ("shop", "dev-two"))
# The ARN of a resource by its name, and the actions that create, change and delete it.
NAMED = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:{}:alarm:", "cloudwatch", "PutMetricAlarm DeleteAlarms"),
    "AWS::ECS::Service": (
        "ServiceName",
        "ecs:{}:service/{in_}/",
        "ecs",
        "CreateService UpdateService DeleteService",
    ),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{}:log-group:", "logs", "CreateLogGroup DeleteLogGroup"),
    "AWS::RDS::DBCluster": ("DBClusterIdentifier", "rds:{}:cluster:", "rds", "CreateDBCluster DeleteDBCluster"),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier", "rds:{}:db:", "rds", "CreateDBInstance DeleteDBInstance"),
    "AWS::RDS::DBSubnetGroup": ("DBSubnetGroupName", "rds:{}:subgrp:", "rds", "CreateDBSubnetGroup"),
    "AWS::KMS::Alias": ("AliasName", "kms:{}:", "kms", "CreateAlias DeleteAlias"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{}:", "sqs", "CreateQueue SetQueueAttributes DeleteQueue"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager:{}:secret:", "secretsmanager", "CreateSecret DeleteSecret"),
}


def statements(name: str, document: Document) -> Iterator[dict[str, Any]]:
    """Yield the statements of a file's policies."""
    for policy in of(name, document):
        yield from policy["Statement"]


def granted(name: str, document: Document) -> set[str]:
    """Return the actions of a file's policies."""
    return {action for one in statements(name, document) for action in listed(one["Action"])}


def types_of(document: Document) -> set[str]:
    """Return the resource types of all stacks of a system."""
    found = {one["Type"] for stack in stacks_of(document) for one in stack.resources.values()}
    for component in parse(document).components.values():
        if component.is_stack and not component.rendered:
            assert template_path(component.role).exists()
            found |= {one["Type"] for one in load(component.role)["Resources"].values()}
    return found


def check_permissions(document: Document) -> None:
    """Compare the service role and the deployer with the permissions that the resource types name."""
    types = types_of(document)
    named = without_keys(handler_permissions(types, "create", "read", "update", "delete"))
    service_role = without_keys(granted("cloudformation", document))
    assert named - service_role <= EXCUSED
    assert service_role - named <= {*BEYOND_HANDLERS, *BEYOND_FOR_DESCRIPTIONS}
    read_only = handler_permissions(types, "read")
    assert read_only - granted("deployer", document) <= EXCUSED | {"secretsmanager:GetSecretValue"}


def without_keys(actions: set[str]) -> set[str]:
    """Leave out the actions on keys: an inventory names the keys of the stacks, and test_policy_files holds these."""
    return {action for action in actions if not action.startswith("kms:")}


def check_scope(document: Document) -> None:
    """Check each statement: no open action, no open resource without a reason, roles passed to a service."""
    for name in IDENTITY:
        # A system without jobs has no runner.
        found = of(name, document) if name != "runner" or container_jobs(cast(Sections, document)) else []
        assert len(found) <= MOST_POLICIES
        text = json.dumps(found)
        assert "${" not in text and "Only" not in text, name
        for one in (each for policy in found for each in policy["Statement"]):
            actions, resources = listed(one["Action"]), listed(one["Resource"])
            assert actions and resources, one["Sid"]
            assert [action for action in actions if "*" in action] in ([], ["kms:GenerateDataKey*"]), one["Sid"]
            assert "*" not in resources or one["Sid"] in ON_EVERYTHING[name], (name, one["Sid"])
            if "iam:PassRole" in actions:
                assert actions == ["iam:PassRole"]
                assert one["Condition"]["StringEquals"]["iam:PassedToService"]
                # Each role is of a stack of the system.
                assert all(re.search(r":role/(shop|drawn)-dev-[a-z]", arn) for arn in resources), resources


def check_boundary(document: Document) -> None:
    """Check that the boundary allows each permission of the roles that the stacks create."""
    boundary = of("boundary", document)
    context = (
        ("aws:ResourceTag/Project", "shop"),
        ("aws:ResourceTag/Environment", "dev"),
        ("ecs:cluster", f"arn:aws:ecs:{HERE}:cluster/shop-dev"),
        ("ecs:CreateAction", "RunTask"),
        ("iam:PassedToService", "ecs-tasks.amazonaws.com"),
    )
    names = [each.name for each in parse(document).components.values() if each.rendered]
    for name, stack in zip(names, stacks_of(document), strict=True):
        for policy in policies(stack):
            for one in policy.statements if policy.kind == "identity" else []:
                for action, written in product(listed(one["Action"]), listed(one["Resource"])):
                    # CloudFormation starts the name of a role with that of its stack.
                    resource = written.replace(":role/", f":role/shop-dev-{name}-")
                    # A reference to a secret is its ARN.
                    if stack.resources.get(written, {}).get("Type") == "AWS::SecretsManager::Secret":
                        secret = stack.resources[written]["Properties"]["Name"]
                        resource = f"arn:aws:secretsmanager:{HERE}:secret:{secret}-AbCdEf"
                    assert Question(action, resource, context).is_allowed_by(boundary), (action, resource)


def check_names(document: Document) -> None:
    """Check that the service role makes each resource with a name, and none of that name of another environment."""
    allowed = of("cloudformation", document)
    for (project, environment), is_own in {("shop", "dev"): True, **dict.fromkeys(OTHERS, False)}.items():
        for stack in stacks_of(document, project, environment):
            for one in (each for each in stack.resources.values() if each["Type"] in NAMED):
                key, arn, service, actions = NAMED[one["Type"]]
                name = one["Properties"][key] + ("-AbCdEf" if service == "secretsmanager" else "")
                resource = "arn:aws:" + arn.format(HERE, in_=one["Properties"].get("Cluster")) + name
                for action in actions.split():
                    question = Question(f"{service}:{action}", resource)
                    assert question.is_allowed_by(allowed) == is_own, (action, resource)


CHECKS = (check_permissions, check_scope, check_boundary, check_names)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_policies_of_oneshot_fit_its_stacks(check: Any) -> None:
    check(oneshot())


@settings(max_examples=40, phases=[Phase.generate], derandomize=True, database=None, deadline=None)
@given(drawn_systems())
def test_policies_of_any_system_fit_its_stacks(document: Document) -> None:
    for check in CHECKS:
        check(document)


def test_each_wildcard_resource_has_a_reason() -> None:
    """Each statement on every resource follows a comment, and appears for a description with all sections."""
    for name, sids in ON_EVERYTHING.items():
        for sid in sids:
            assert re.search(rf"^# .*\n- Sid: {sid}$", text_of(name), re.MULTILINE), f"no reason before {sid}"
            assert any(one["Sid"] == sid for one in statements(name, EVERYTHING)), sid


ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop-dev-job-prompt-ExecutionRole-1A2B3C4D5E6F"
IN_CLUSTER = ("ecs:cluster", f"arn:aws:ecs:{HERE}:cluster/shop-dev")


@pytest.mark.parametrize(
    ("action", "resource", "context", "is_allowed"),
    [
        ("ecs:RunTask", f"ecs:{HERE}:task-definition/shop-dev-prompt:3", IN_CLUSTER, True),
        ("ecs:RunTask", f"ecs:{HERE}:task-definition/shop-dev-ui:3", IN_CLUSTER, False),
        ("ecs:RunTask", f"ecs:{HERE}:task-definition/other-dev-prompt:3", IN_CLUSTER, False),
        ("ecs:RunTask", f"ecs:{HERE}:task-definition/shop-dev-prompt:3", ("ecs:cluster", "other"), False),
        ("iam:PassRole", ROLE[8:], ("iam:PassedToService", "ecs-tasks.amazonaws.com"), True),
        ("iam:PassRole", ROLE[8:], ("iam:PassedToService", "lambda.amazonaws.com"), False),
        (
            "iam:PassRole",
            ROLE[8:].replace("job-prompt", "service-ui"),
            ("iam:PassedToService", "ecs-tasks.amazonaws.com"),
            False,
        ),
        ("sqs:ReceiveMessage", f"sqs:{HERE}:shop-dev-prompts", None, True),
        ("sqs:ReceiveMessage", f"sqs:{HERE}:shop-prod-prompts", None, False),
        ("sqs:PurgeQueue", f"sqs:{HERE}:shop-dev-prompts", None, False),
        ("logs:GetLogEvents", f"logs:{HERE}:log-group:/shop/dev/prompt:log-stream:a", None, True),
        ("logs:GetLogEvents", f"logs:{HERE}:log-group:/shop/dev/ui:log-stream:a", None, False),
        ("logs:DescribeLogStreams", f"logs:{HERE}:log-group:/shop/dev/prompt", None, True),
        ("logs:DescribeLogStreams", f"logs:{HERE}:log-group:/shop/dev/ui", None, False),
        ("secretsmanager:GetSecretValue", f"secretsmanager:{HERE}:secret:shop/dev/anthropic-AbCdEf", None, False),
    ],
)
def test_a_runner_runs_the_jobs_and_nothing_else(
    action: str, resource: str, context: tuple[str, str] | None, is_allowed: bool
) -> None:
    question = Question(action, f"arn:aws:{resource}", (context,) if context else ())
    assert question.is_allowed_by(of("runner", oneshot())) == is_allowed


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("elasticloadbalancing:ModifyRule", f"elasticloadbalancing:{HERE}:listener-rule/app/a/1/2/3"),
        ("elasticloadbalancing:DeleteTargetGroup", f"elasticloadbalancing:{HERE}:targetgroup/a/1"),
        ("elasticfilesystem:DeleteFileSystem", f"elasticfilesystem:{HERE}:file-system/fs-1"),
        ("ec2:RevokeSecurityGroupIngress", f"ec2:{HERE}:security-group/sg-1"),
    ],
)
def test_what_has_no_name_is_changed_by_its_tags(action: str, resource: str) -> None:
    """The tags of the stack bound what AWS gives an id of its own."""
    allowed = of("cloudformation", oneshot())
    for project, environment, is_own in (("shop", "dev", True), ("shop", "prod", False), ("other", "dev", False)):
        tags = (("aws:ResourceTag/Project", project), ("aws:ResourceTag/Environment", environment))
        assert Question(action, f"arn:aws:{resource}", tags).is_allowed_by(allowed) == is_own
    assert not Question(action, f"arn:aws:{resource}").is_allowed_by(allowed)


def test_no_secret_is_read_by_a_person() -> None:
    """CloudFormation reads the secrets that it generates; nobody who deploys or runs does."""
    for name in ("builder", "deployer", "runner"):
        assert "secretsmanager:GetSecretValue" not in granted(name, oneshot())


def test_every_file_is_of_some_system() -> None:
    assert {*NAMES, *OF_SYSTEMS} == {path.stem for path in Path(FILES).glob("*.yaml")}


@pytest.mark.parametrize(
    ("action", "resource", "context", "is_allowed"),
    [
        ("ssm:PutParameter", f"ssm:{HERE}:parameter/shop/dev/copy", None, True),
        ("ssm:PutParameter", f"ssm:{HERE}:parameter/shop/dev/setup/realm", None, True),
        ("ssm:PutParameter", f"ssm:{HERE}:parameter/shop/dev/another", None, False),
        ("ssm:PutParameter", f"ssm:{HERE}:parameter/shop/prod/copy", None, False),
        ("secretsmanager:GetSecretValue", f"secretsmanager:{HERE}:secret:shop/dev/key-AbCdEf", None, True),
        ("secretsmanager:GetSecretValue", EXISTING[8:], None, True),
        ("secretsmanager:GetSecretValue", f"secretsmanager:{HERE}:secret:shop/prod/key-AbCdEf", None, False),
        ("kms:Decrypt", KEY[8:], None, True),
        ("ecs:RunTask", f"ecs:{HERE}:task-definition/shop-dev-realm:3", IN_CLUSTER, True),
        ("ecs:RunTask", f"ecs:{HERE}:task-definition/shop-dev-sum:3", IN_CLUSTER, False),
        ("ecs:UpdateService", f"ecs:{HERE}:service/shop-dev/shop-dev-web", None, True),
        ("ecs:UpdateService", f"ecs:{HERE}:service/shop-dev/shop-dev-worker", None, False),
        ("logs:GetLogEvents", f"logs:{HERE}:log-group:/shop/dev/realm:log-stream:a", None, True),
        (
            "iam:PassRole",
            ROLE[8:].replace("job-prompt", "job-realm"),
            ("iam:PassedToService", "ecs-tasks.amazonaws.com"),
            True,
        ),
        ("iam:PassRole", ROLE[8:], ("iam:PassedToService", "ecs-tasks.amazonaws.com"), False),
    ],
)
def test_a_deployer_puts_parameters_and_runs_setup_jobs(
    action: str, resource: str, context: tuple[str, str] | None, is_allowed: bool
) -> None:
    """Those of the description, and no other secret is read, no other job run, no other service restarted."""
    question = Question(action, f"arn:aws:{resource}", (context,) if context else ())
    assert question.is_allowed_by(of("deployer", EVERYTHING)) == is_allowed
