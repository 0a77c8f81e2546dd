# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template of the task, for any parameters that it takes: the task may do its work and nothing else."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from ddbload.run.checks import permissions
from ddbload.scenario import entries
from ddbload.scenario import parameters as sources
from ddbload.verify import check, cleanup
from ddbload.workload.operations import batches, reads, writes
from hypothesis import given, settings
from hypothesis import strategies as st
from template_parser import ACCOUNT, REGION, Rendered, TemplateError, load, policies, refusal, render
from template_strategies import KNOWN, renderings

REQUIRED = {
    "Environment": "dev",
    "TableName": "ddbload-dev",
    "TableArn": KNOWN["TableArn"],
    "ImageUri": KNOWN["ImageUri"],
    "RepositoryArn": KNOWN["RepositoryArn"],
}
TEMPLATE = load("task")
# The action that a call needs has the call's name, but for transactions, which need those of what is in them:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
CALLS = {
    "put": [writes.PutItem.target],
    "update": [writes.UpdateItem.target],
    "delete": [writes.DeleteItem.target],
    "get": [reads.GetItem.target],
    "query": [reads.Query.target],
    "scan": [reads.Scan.target],
    "batch_write": [batches.BatchWriteItem.target],
    "batch_get": [batches.BatchGetItem.target],
    "transact_write": [".PutItem", ".ConditionCheckItem"],
    "transact_get": [".GetItem"],
    # A statement needs the action of its kind: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
    **{f"partiql_{kind}": [f".PartiQL{kind.capitalize()}"] for kind in entries.STATEMENTS},
    "verify": [check.TARGET],
    "cleanup": [cleanup._Batches.target, cleanup._Conditional.target],
}
slow = settings(max_examples=60)
tasks = renderings("task")


def task(**changed: Any) -> Rendered:
    return render(TEMPLATE, REQUIRED | changed)


def container(rendered: Rendered, name: str) -> dict[str, Any]:
    (found,) = [one for one in containers(rendered) if one["Name"] == name]
    return found


def containers(rendered: Rendered) -> list[dict[str, Any]]:
    return list(rendered.properties("TaskDefinition")["ContainerDefinitions"])


def environment(rendered: Rendered) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in container(rendered, "ddbload")["Environment"]}


def allowed(rendered: Rendered, role: str) -> dict[str, set[str]]:
    """Return the actions that a role may take, by resource."""
    found: dict[str, set[str]] = {}
    for policy in policies(rendered):
        for statement in policy.statements if (policy.resource, policy.kind) == (role, "identity") else []:
            assert statement["Effect"] == "Allow"
            actions, resources = statement["Action"], statement["Resource"]
            for resource in [resources] if isinstance(resources, str) else resources:
                found.setdefault(resource, set()).update([actions] if isinstance(actions, str) else actions)
    return found


# ---- CPU and memory


def fargate_pairs() -> dict[int, set[int]]:
    """Fargate's pairs in MiB: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"""
    return {
        256: {512, 1024, 2048},
        512: set(range(1024, 4097, 1024)),
        1024: set(range(2048, 8193, 1024)),
        2048: set(range(4096, 16385, 1024)),
        4096: set(range(8192, 30721, 1024)),
        8192: set(range(16384, 61441, 4096)),
        16384: set(range(32768, 122881, 8192)),
    }


@pytest.mark.parametrize("cpu", fargate_pairs())
def test_exactly_the_pairs_of_fargate_are_accepted(cpu: int) -> None:
    edges = {512, 768, 1023, 1025, 2049, 122880}
    beside = {memory + step for memory in fargate_pairs()[cpu] for step in (-512, 512, 4096)}
    for memory in fargate_pairs()[cpu] | edges | {one for one in beside if 512 <= one <= 122880}:
        violations = task(Cpu=cpu, Memory=memory).violations
        assert bool(violations) is (memory not in fargate_pairs()[cpu]), memory
        assert all(f"Cpu {cpu}," in one for one in violations)


def test_only_cpus_of_fargate_are_accepted_and_defaults_pair() -> None:
    parameters = TEMPLATE["Parameters"]
    assert set(parameters["Cpu"]["AllowedValues"]) == set(fargate_pairs())
    assert parameters["Memory"]["Default"] in fargate_pairs()[parameters["Cpu"]["Default"]]


# ---- Where the tasks of one run meet

CONTROL_ACTIONS = {f"dynamodb:{name}" for name in ("GetItem", "Query", "UpdateItem")}


def control_arn(rendered: Rendered) -> str:
    base = f"{rendered.parameters['Project']}-{rendered.parameters['Environment']}"
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{base}-control"


@given(tasks)
@slow
def test_control_table_is_for_ddbload_and_goes_with_the_stack(rendered: Rendered) -> None:
    """It has the key and the expiry that the load tester writes, bills by the request, and is an output."""
    exists = rendered.parameters["ControlTable"] == "true"
    assert ("RunControlTable" in rendered.resources) is ("ControlTableName" in rendered.outputs) is exists
    if exists:
        table = rendered.properties("RunControlTable")
        assert control_arn(rendered).endswith(f"/{table['TableName']}")
        assert rendered.outputs["ControlTableName"] == table["TableName"]
        assert {key["AttributeName"]: key["KeyType"] for key in table["KeySchema"]} == {"run": "HASH", "part": "RANGE"}
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert rendered.resources["RunControlTable"]["DeletionPolicy"] == "Delete"


# ---- What the task may do


def test_operations_are_those_of_the_load_tester() -> None:
    of_statements = {f"partiql_{kind}" for kind in entries.STATEMENTS}
    assert set(CALLS) == {*entries.WRITES, *entries.READS, *of_statements, "verify", "cleanup"}
    assert set(TEMPLATE["Parameters"]["Operations"]["Default"].split(",")) == set(CALLS)
    called = {name: {target.split(".")[-1] for target in targets} for name, targets in CALLS.items()}
    assert called == permissions.ACTIONS


@given(st.lists(st.sampled_from(sorted(CALLS)), min_size=1, max_size=12))
@slow
def test_task_role_allows_what_the_operations_call(operations: list[str]) -> None:
    rendered = task(Operations=",".join(operations))
    wanted = {"dynamodb:" + target.split(".")[-1] for name in operations for target in CALLS[name]}
    indexed = wanted & {"dynamodb:Query", "dynamodb:Scan"}
    table = {resource: actions for resource, actions in allowed(rendered, "TaskRole").items() if ":table/" in resource}
    assert table.pop(KNOWN["TableArn"]) == wanted | {"dynamodb:DescribeTable"}
    assert table.pop(control_arn(rendered)) == CONTROL_ACTIONS
    assert table == ({KNOWN["TableArn"] + "/index/*": indexed} if indexed else {})


@pytest.mark.parametrize(("partition", "suffix"), [("aws", ""), ("aws-cn", ".cn")])
def test_task_role_uses_the_table_key_through_dynamodb_only(partition: str, suffix: str) -> None:
    rendered = render(TEMPLATE, REQUIRED | {"TableKeyArn": KNOWN["TableKeyArn"]}, partition=partition)
    statements = [statement for policy in policies(rendered) for statement in policy.statements]
    (through,) = [one["Condition"] for one in statements if one.get("Resource") == KNOWN["TableKeyArn"]]
    (service,) = through["StringLike"].values()
    assert set(through["StringLike"]) == {"kms:ViaService"}
    assert fnmatchcase(f"dynamodb.{REGION}.amazonaws.com{suffix}", service)
    assert not fnmatchcase(f"s3.{REGION}.amazonaws.com{suffix}", service)


@pytest.mark.parametrize("operations", ["", "put,", ",put", "put, get", "Put", "drop", "puts", "put;get", "*"])
def test_unknown_operations_are_refused(operations: str) -> None:
    with pytest.raises(TemplateError, match="Operations"):
        task(Operations=operations)


@given(tasks)
@slow
def test_task_role_has_no_permission_without_its_feature(rendered: Rendered) -> None:
    arn = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:{{}}"
    path = f"parameter{rendered.outputs['SettingsPath']}"
    rights = allowed(rendered, "TaskRole")
    assert (rights.pop(control_arn(rendered), None) == CONTROL_ACTIONS) is rendered.conditions["HasControlTable"]
    for resource in (KNOWN["TableArn"], KNOWN["TableArn"] + "/index/*"):
        rights.pop(resource, None)
    if rendered.parameters["TableKeyArn"]:
        assert rights.pop(KNOWN["TableKeyArn"]) == {"kms:Decrypt"}
    for resource in (arn.format("ssm", path), arn.format("ssm", f"{path}/*")):
        assert rights.pop(resource) == {"ssm:GetParametersByPath"}
    everywhere = set()
    if rendered.conditions["HasExec"]:
        everywhere |= {
            f"ssmmessages:{verb}{kind}Channel" for verb in ("Create", "Open") for kind in ("Control", "Data")
        }
        assert rights.pop(arn.format("logs", "log-group:*")) == {"logs:DescribeLogGroups"}
        assert rights.pop(KNOWN["ExecLogGroupArn"]) == {
            f"logs:{action}" for action in ("CreateLogStream", "DescribeLogStreams", "PutLogEvents")
        }
        if rendered.parameters["ExecKeyArn"]:
            assert rights.pop(KNOWN["ExecKeyArn"]) == {"kms:Decrypt"}
    if rendered.conditions["HasTracing"]:
        everywhere |= {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    assert rights.pop("*", set()) == everywhere
    assert not rights


@given(tasks)
@slow
def test_execution_role_pulls_images_and_writes_the_log_only(rendered: Rendered) -> None:
    rights = allowed(rendered, "ExecutionRole")
    assert rights.pop("*") == {"ecr:GetAuthorizationToken"}
    log = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{rendered.outputs['LogGroupName']}:*"
    assert rights.pop(log) == {"logs:CreateLogStream", "logs:PutLogEvents"}
    pulled = {KNOWN["RepositoryArn"], rendered.parameters["TracingRepositoryArn"]} - {""}
    for repository in pulled:
        assert all(action.startswith("ecr:") for action in rights.pop(repository))
    if rendered.conditions["HasSecret"]:
        del rights[container(rendered, "ddbload")["Secrets"][0]["ValueFrom"]]
        rights.pop(KNOWN["SecretKeyArn"], None)
    assert not rights


@given(tasks)
@slow
def test_roles_trust_this_account_and_share_the_boundary(rendered: Rendered) -> None:
    for role in ("TaskRole", "ExecutionRole"):
        properties = rendered.properties(role)
        (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
        assert properties.get("PermissionsBoundary", "") == rendered.parameters["PermissionsBoundaryArn"]
        # With a fixed name, neither two environments nor a replacement can exist beside each other.
        assert "RoleName" not in properties


# ---- The task


@given(tasks)
@slow
def test_the_container_has_what_the_load_tester_needs(rendered: Rendered) -> None:
    task = rendered.properties("TaskDefinition")
    found = environment(rendered)
    log = container(rendered, "ddbload")["LogConfiguration"]
    assert found["DDBLOAD_TABLE"] == rendered.parameters["TableName"]
    assert found[permissions.VARIABLE] == rendered.outputs["Operations"] == rendered.parameters["Operations"]
    assert found["AWS_REGION"] == REGION
    assert (found.get("DDBLOAD_SSM_PATH") is not None) is rendered.conditions["IsClassicPlan"]
    assert log["LogDriver"] == "awslogs"
    assert log["Options"]["awslogs-group"] == rendered.properties("LogGroup")["LogGroupName"]
    # Results travel as log lines: none may be dropped.
    assert log["Options"]["mode"] == "blocking"
    assert task["NetworkMode"] == "awsvpc"
    assert task["RequiresCompatibilities"] == ["FARGATE"]


@given(tasks)
@slow
def test_containers_are_unprivileged_and_one_is_essential(rendered: Rendered) -> None:
    assert [one["Name"] for one in containers(rendered) if one["Essential"]] == ["ddbload"]
    assert container(rendered, "ddbload")["User"] == "65532:65532"
    assert container(rendered, "ddbload")["StopTimeout"] == 120
    for one in containers(rendered):
        assert one["LinuxParameters"] == {"InitProcessEnabled": True}
        # The agent of ECS Exec has to write into the container.
        writable = one["Name"] == "ddbload" and rendered.conditions["HasExec"]
        assert one["ReadonlyRootFilesystem"] is not writable
        assert not {"Privileged", "PortMappings", "HealthCheck", "DockerSecurityOptions"} & set(one)
        assert one["LogConfiguration"]["Options"]["awslogs-group"] == rendered.outputs["LogGroupName"]


@given(renderings("task", TracingSidecarImage=KNOWN["ImageUri"]))
@slow
def test_traces_go_to_the_collector_in_the_task(rendered: Rendered) -> None:
    collector = container(rendered, "tracing")
    (content,) = [one["Value"] for one in collector["Environment"] if one["Name"] == "AOT_CONFIG_CONTENT"]
    host = (
        environment(rendered)["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"].removeprefix("http://").removesuffix("/v1/traces")
    )
    assert f'http: {{endpoint: "{host}"}}' in content
    assert container(rendered, "ddbload")["DependsOn"] == [{"ContainerName": "tracing", "Condition": "START"}]
    # What it takes has to leave the load tester most of the smallest task's memory.
    assert collector["Memory"] <= min(fargate_pairs()[256]) / 2


def test_without_a_collector_nothing_traces() -> None:
    assert [one["Name"] for one in containers(task())] == ["ddbload"]
    assert set(environment(task())) == {"DDBLOAD_TABLE", "DDBLOAD_OPERATIONS", "AWS_REGION"}
    assert "DependsOn" not in container(task(), "ddbload")


# ---- Secrets


@pytest.mark.parametrize(
    ("given_", "violations"),
    [
        ({}, 0),
        ({"SecretEnvironmentName": "TOKEN"}, 1),
        ({"SecretArn": KNOWN["SecretArn"]}, 1),
        ({"SecretParameterArn": KNOWN["SecretParameterArn"]}, 1),
        ({"SecretEnvironmentName": "TOKEN", "SecretArn": KNOWN["SecretArn"]}, 0),
        ({"SecretEnvironmentName": "TOKEN", "SecretParameterArn": KNOWN["SecretParameterArn"]}, 0),
        (
            {
                "SecretEnvironmentName": "TOKEN",
                "SecretArn": KNOWN["SecretArn"],
                "SecretParameterArn": KNOWN["SecretParameterArn"],
            },
            1,
        ),
    ],
)
def test_a_secret_has_one_name_and_one_source(given_: dict[str, str], violations: int) -> None:
    rendered = task(**given_)
    assert len(rendered.violations) == violations
    if not violations:
        names = [one["Name"] for one in container(rendered, "ddbload").get("Secrets", [])]
        assert names == ([given_["SecretEnvironmentName"]] if given_ else [])


@pytest.mark.parametrize(
    ("source", "action"),
    [("SecretArn", "secretsmanager:GetSecretValue"), ("SecretParameterArn", "ssm:GetParameters")],
)
@pytest.mark.parametrize("key", ["", KNOWN["SecretKeyArn"]])
def test_the_execution_role_alone_fetches_the_secret(source: str, action: str, key: str) -> None:
    rendered = task(**{"SecretEnvironmentName": "TOKEN", source: KNOWN[source], "SecretKeyArn": key})
    assert container(rendered, "ddbload")["Secrets"] == [{"Name": "TOKEN", "ValueFrom": KNOWN[source]}]
    rights = allowed(rendered, "ExecutionRole")
    assert rights[KNOWN[source]] == {action}
    assert rights.get(KNOWN["SecretKeyArn"]) == ({"kms:Decrypt"} if key else None)
    assert not {KNOWN[source], KNOWN["SecretKeyArn"]} & set(allowed(rendered, "TaskRole"))


# ---- The classic plan


@given(renderings("task", ClassicPlan=True))
@slow
def test_the_load_tester_reads_every_classic_plan(rendered: Rendered) -> None:
    parameters = [one["Properties"] for one in rendered.of_type("AWS::SSM::Parameter").values()]
    values = {one["Name"]: str(one["Value"]) for one in parameters}
    path = environment(rendered)["DDBLOAD_SSM_PATH"]
    document = sources.from_parameters(values, path)
    assert document["plan"]["type"] == "classic"
    assert document["table"] == rendered.parameters["TableName"]
    assert set(values) == {f"{path}/{name}" for name in sources.KNOWN}
    assert path == rendered.outputs["SettingsPath"]


def test_default_classic_plan_is_the_load_testers_own() -> None:
    rendered = task(ClassicPlan=True)
    parameters = [one["Properties"] for one in rendered.of_type("AWS::SSM::Parameter").values()]
    document = sources.from_parameters({one["Name"]: str(one["Value"]) for one in parameters}, "/ddbload/dev")
    assert document == {
        "plan": {
            "type": "classic",
            "concurrency_limit": 100,
            "total_items": 10_000,
            "max_concurrency_percentage": 100,
            "inject_duplicates": False,
            "duplicate_percentage": 10,
        },
        "cleanup": False,
        "table": "ddbload-dev",
    }
    assert not task().of_type("AWS::SSM::Parameter")


@pytest.mark.parametrize(
    ("name", "taken"), [("aws", False), ("awsome", False), ("ssm-load", False), ("load-aws", True)]
)
def test_names_that_ssm_reserves_are_refused(name: str, taken: bool) -> None:
    assert (refusal(TEMPLATE["Parameters"]["Project"], name) is None) is taken
