# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task role: the load tester works with exactly its policies, and other calls are denied."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pytest
from iam_simulator import (
    ACCOUNT,
    INDEX,
    KEY,
    OTHER_ROLE,
    OTHER_SETTINGS,
    OTHER_TABLE,
    REGION,
    SETTINGS,
    TABLE,
    IamSimulator,
    Principal,
)
from refusal import Deed, is_denied

MIX: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("put", "get", "update", "delete", "query", "scan", "batch_write", "batch_get")},
    **{name: {} for name in ("transact_write", "transact_get")},
    "partiql_select": {"operation": "execute_statement"},
    "partiql_insert": {"operation": "batch_execute_statement", "statement": "insert", "items": 2},
    "partiql_update": {"operation": "execute_statement", "statement": "update"},
    "partiql_delete": {"operation": "execute_transaction", "statement": "delete"},
}
# Keys that no other run has written, which an INSERT needs.
NEW = {"count": 1000, "prefix": "{run_id}"}
INDEX_KEYS = {
    "IndexName": INDEX,
    "KeyConditionExpression": "category = :c",
    "ExpressionAttributeValues": {":c": {"S": "x"}},
}
TABLE_KEYS = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": KEY["pk"]}}


def dynamodb(method: str, **request: Any) -> Deed:
    return lambda principal: getattr(principal.client("dynamodb"), method)(**request)


def transaction(member: str, **more: Any) -> Deed:
    one = {member: {"TableName": TABLE, **more}}
    return dynamodb("transact_get_items" if member == "Get" else "transact_write_items", TransactItems=[one])


def statement(text: str, *parameters: dict[str, str]) -> list[Deed]:
    """Return the calls with a statement: alone, in a batch, and in a transaction."""
    one = {"Statement": text, "Parameters": list(parameters)}
    return [
        dynamodb("execute_statement", **one),
        dynamodb("batch_execute_statement", Statements=[one]),
        dynamodb("execute_transaction", TransactStatements=[one]),
    ]


# Every data-plane call on the table under test, by its IAM action. https://docs.aws.amazon.com/amazondynamodb/latest/
# developerguide/transaction-apis-iam.html: a transaction needs the permissions of its members.
CALLS: dict[str, list[Deed]] = {
    "DescribeTable": [dynamodb("describe_table", TableName=TABLE)],
    "PutItem": [dynamodb("put_item", TableName=TABLE, Item=KEY), transaction("Put", Item=KEY)],
    "GetItem": [dynamodb("get_item", TableName=TABLE, Key=KEY), transaction("Get", Key=KEY)],
    "UpdateItem": [
        dynamodb("update_item", TableName=TABLE, Key=KEY),
        transaction(
            "Update",
            Key=KEY,
            UpdateExpression="SET a = :a",
            ExpressionAttributeValues={":a": {"S": "x"}},
        ),
    ],
    "DeleteItem": [
        dynamodb("delete_item", TableName=TABLE, Key={"pk": {"S": "gone"}}),
        transaction("Delete", Key={"pk": {"S": "gone"}}),
    ],
    "ConditionCheckItem": [transaction("ConditionCheck", Key=KEY, ConditionExpression="attribute_exists(pk)")],
    "Query": [
        dynamodb("query", TableName=TABLE, **TABLE_KEYS),
        dynamodb("query", TableName=TABLE, **INDEX_KEYS),
    ],
    "Scan": [dynamodb("scan", TableName=TABLE), dynamodb("scan", TableName=TABLE, IndexName=INDEX)],
    "BatchWriteItem": [dynamodb("batch_write_item", RequestItems={TABLE: [{"PutRequest": {"Item": KEY}}]})],
    "BatchGetItem": [dynamodb("batch_get_item", RequestItems={TABLE: {"Keys": [KEY]}})],
    "PartiQLSelect": statement(f'SELECT * FROM "{TABLE}" WHERE "pk" = ?', KEY["pk"]),
    "PartiQLInsert": statement(f"INSERT INTO \"{TABLE}\" VALUE {{'pk': ?}}", {"S": "inserted"}),
    "PartiQLUpdate": statement(f'UPDATE "{TABLE}" SET "a" = ? WHERE "pk" = ?', {"S": "x"}, KEY["pk"]),
    "PartiQLDelete": statement(f'DELETE FROM "{TABLE}" WHERE "pk" = ?', {"S": "gone"}),
}

# The actions that each value of the parameter Operations allows beside DescribeTable, which every run calls.
ALLOWED: dict[str, set[str]] = {
    "put": {"PutItem"},
    "get": {"GetItem"},
    "update": {"UpdateItem"},
    "delete": {"DeleteItem"},
    "query": {"Query"},
    "scan": {"Scan"},
    "batch_write": {"BatchWriteItem"},
    "batch_get": {"BatchGetItem"},
    "transact_write": {"PutItem", "ConditionCheckItem"},
    "transact_get": {"GetItem"},
    "partiql_select": {"PartiQLSelect"},
    "partiql_insert": {"PartiQLInsert"},
    "partiql_update": {"PartiQLUpdate"},
    "partiql_delete": {"PartiQLDelete"},
    "verify": {"BatchGetItem"},
    "cleanup": {"BatchWriteItem", "DeleteItem"},
}

# Calls that the task does not need.
FORBIDDEN: dict[str, Deed] = {
    "read another table": dynamodb("get_item", TableName=OTHER_TABLE, Key=KEY),
    "write another table": dynamodb("put_item", TableName=OTHER_TABLE, Item=KEY),
    "query another table's index": dynamodb("query", TableName=OTHER_TABLE, **INDEX_KEYS),
    "describe another table": dynamodb("describe_table", TableName=OTHER_TABLE),
    "write both tables in a batch": dynamodb(
        "batch_write_item",
        RequestItems={name: [{"PutRequest": {"Item": KEY}}] for name in (TABLE, OTHER_TABLE)},
    ),
    "write both tables in a transaction": dynamodb(
        "transact_write_items",
        TransactItems=[{"Put": {"TableName": name, "Item": KEY}} for name in (TABLE, OTHER_TABLE)],
    ),
    "select from another table": statement(f'SELECT * FROM "{OTHER_TABLE}" WHERE "pk" = ?', KEY["pk"])[0],
    "update both tables in a transaction": dynamodb(
        "execute_transaction",
        TransactStatements=[
            {"Statement": f'UPDATE "{name}" SET "a" = ? WHERE "pk" = ?', "Parameters": [{"S": "x"}, KEY["pk"]]}
            for name in (TABLE, OTHER_TABLE)
        ],
    ),
    "delete the table": dynamodb("delete_table", TableName=TABLE),
    "change the table": dynamodb("update_table", TableName=TABLE, BillingMode="PAY_PER_REQUEST"),
    "change its time to live": dynamodb(
        "update_time_to_live",
        TableName=TABLE,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    ),
    "create a table": dynamodb(
        "create_table",
        TableName="one-more",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    ),
    "list the tables": dynamodb("list_tables"),
    "back the table up": dynamodb("create_backup", TableName=TABLE, BackupName="mine"),
    "write its settings": lambda one: one.client("ssm").put_parameter(
        Name=f"{SETTINGS}/total-items", Value="1", Type="String", Overwrite=True
    ),
    "read one parameter by name": lambda one: one.client("ssm").get_parameter(Name=f"{OTHER_SETTINGS}/total-items"),
    "run a task": lambda one: one.client("ecs").run_task(cluster="ddbload-dev", taskDefinition="ddbload-dev"),
    "create a key for itself": lambda one: one.client("iam").create_access_key(UserName="somebody"),
    "take another role": lambda one: one.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{OTHER_ROLE}", RoleSessionName="mine"
    ),
    "read a secret": lambda one: one.client("secretsmanager").get_secret_value(SecretId="any"),
    "read the log": lambda one: one.client("logs").describe_log_groups(),
}


def scenario(mix: Collection[str], *, verify: bool = False, cleanup: bool = False, **more: Any) -> str:
    return json.dumps(
        {
            "plan": {"type": "closed", "concurrency": 2, "operations": 40},
            "mix": {name: MIX[name] for name in mix},
            "keys": {"count": 100},
            "connections": 2,
            "verify": {"enabled": verify},
            "cleanup": {"enabled": cleanup},
            "thresholds": ["failed == 0"],
            **more,
        }
    )


def test_the_load_tester_works_with_exactly_the_task_role(aws: IamSimulator) -> None:
    plan = {"type": "closed", "concurrency": 2, "operations": 10 * len(MIX)}
    done = aws.task_role().run_load_test(scenario(MIX, verify=True, cleanup=True, keys=NEW, plan=plan))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("operation", MIX)
def test_an_operation_that_is_allowed_alone_can_be_run_alone(aws: IamSimulator, operation: str) -> None:
    if operation == "partiql_update":
        assert aws.owner().run_load_test(scenario(["put"])).returncode == 0
    keys = {"keys": NEW} if operation == "partiql_insert" else {}
    done = aws.task_role(Operations=operation).run_load_test(scenario([operation], **keys))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_without_its_permission_ends_as_unusable(aws: IamSimulator) -> None:
    done = aws.task_role(Operations="get").run_load_test(scenario(["put"]))
    assert done.returncode == 5, done.stdout + done.stderr


@pytest.mark.parametrize("extra", ["verify", "cleanup"])
def test_check_and_cleanup_need_their_own_permission_only(aws: IamSimulator, extra: str) -> None:
    done = aws.task_role(Operations=f"put,{extra}").run_load_test(scenario(["put"], **{extra: True}))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("operation", ALLOWED)
def test_an_operation_allows_exactly_what_it_calls(aws: IamSimulator, operation: str) -> None:
    principal = aws.task_role(Operations=operation)
    allowed = {name for name, calls in CALLS.items() if not all(is_denied(call, principal) for call in calls)}
    assert allowed == {"DescribeTable", *ALLOWED[operation]}


def test_with_all_operations_every_call_on_the_table_is_allowed(aws: IamSimulator) -> None:
    principal = aws.task_role()
    assert [name for name, calls in CALLS.items() for call in calls if is_denied(call, principal)] == []


@pytest.mark.parametrize("deed", FORBIDDEN)
def test_other_calls_are_denied(aws: IamSimulator, deed: str) -> None:
    assert is_denied(FORBIDDEN[deed], aws.task_role())
    # The denial proves something only if the account's owner may make the call.
    assert not is_denied(FORBIDDEN[deed], aws.owner())


@pytest.mark.parametrize(
    ("path", "decision"),
    [
        (SETTINGS, "allowed"),
        (f"{SETTINGS}/total-items", "allowed"),
        (OTHER_SETTINGS, "implicitDeny"),
        (f"{OTHER_SETTINGS}/total-items", "implicitDeny"),
        (f"{SETTINGS}-two", "implicitDeny"),
        ("/ddbload", "implicitDeny"),
        ("/", "implicitDeny"),
    ],
)
def test_settings_are_read_by_the_tasks_own_path_only(aws: IamSimulator, path: str, decision: str) -> None:
    # The emulator authorizes this call without a resource; its policy simulator uses the resource.
    answer = (
        aws.owner()
        .client("iam")
        .simulate_principal_policy(
            PolicySourceArn=aws.task_role().arn,
            ActionNames=["ssm:GetParametersByPath"],
            ResourceArns=[f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{path}"],
        )
    )
    assert [one["EvalDecision"] for one in answer["EvaluationResults"]] == [decision]


def test_the_tables_key_decrypts_nothing_but_the_table(aws: IamSimulator) -> None:
    kms = aws.owner().client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    secret = kms.encrypt(KeyId=key, Plaintext=b"mine")["CiphertextBlob"]

    def decrypt(principal: Principal) -> Any:
        return principal.client("kms").decrypt(KeyId=key, CiphertextBlob=secret)

    assert is_denied(decrypt, aws.task_role(TableKeyArn=key))
    assert not is_denied(decrypt, aws.owner())


def test_the_execution_role_touches_no_table(aws: IamSimulator) -> None:
    principal = aws.execution_role()
    assert all(is_denied(call, principal) for calls in CALLS.values() for call in calls)
