# SPDX-License-Identifier: Apache-2.0
"""The scripted server, validated by botocore: the shapes of responses and errors, and every fault."""

import json
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import certificate
import pytest
from botocore.config import Config
from botocore.exceptions import ChecksumError, ClientError, ConnectionClosedError, ConnectionError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st
from server import Request, ScriptError, Server
from server.script import chance, parse

RESET = (ConnectionError, ConnectionClosedError)
SORTED = {
    "TableName": "test-table",
    "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 7},
    "KeySchema": [{"AttributeName": "sk", "KeyType": "RANGE"}, {"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
        {"AttributeName": "colour", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-colour",
            "KeySchema": [{"AttributeName": "colour", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}


def client(server: Server, verify: Any = None, timeout: float = 2.0) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=timeout, connect_timeout=timeout)
    return botocore.session.Session().create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id="test-key",
        aws_secret_access_key="test-secret",
        verify=verify,
        config=config,
    )


def put(dynamodb: Any, key: str = "key#1", data: str = "x", **more: Any) -> Any:
    return dynamodb.put_item(TableName="test-table", Item={"pk": {"S": key}, "data": {"S": data}}, **more)


def get(dynamodb: Any, key: str = "key#1", **more: Any) -> Any:
    return dynamodb.get_item(TableName="test-table", Key={"pk": {"S": key}}, **more)


def key_of(pk: str, sk: int) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}}


def refused(call: Any, *arguments: Any, **parameters: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    return caught.value.response


@pytest.fixture
def plain() -> Iterator[Any]:
    with Server(process=False) as server:
        yield client(server)


@pytest.fixture
def ordered() -> Iterator[Any]:
    with Server(process=False, table=SORTED) as server:
        yield client(server)


# ---- Operations


def test_an_item_is_read_as_it_was_written(plain: Any) -> None:
    item = {
        "pk": {"S": "käse"},
        "n": {"N": "-1.50E+2"},
        "b": {"B": b"\0\xff"},
        "l": {"L": [{"BOOL": True}, {"NULL": True}, {"M": {"a": {"SS": ["x", "y"]}}}]},
    }
    plain.put_item(TableName="test-table", Item=item)
    assert plain.get_item(TableName="test-table", Key={"pk": item["pk"]})["Item"] == item | {"n": {"N": "-150"}}
    assert "Item" not in get(plain, "missing key")
    seen = get(plain, "käse", ProjectionExpression="#n, nothing", ExpressionAttributeNames={"#n": "n"})
    assert seen["Item"] == {"n": {"N": "-150"}}


def test_a_put_needs_its_condition(plain: Any) -> None:
    absent = {"ConditionExpression": "attribute_not_exists(#k)", "ExpressionAttributeNames": {"#k": "pk"}}
    present = {"ConditionExpression": "attribute_exists(pk)"}
    assert refused(put, plain, **present)["Error"]["Code"] == "ConditionalCheckFailedException"
    put(plain, data="first", **absent)
    answer = refused(put, plain, data="second", **absent, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert (answer["Error"]["Code"], answer["Item"]["data"]) == ("ConditionalCheckFailedException", {"S": "first"})
    old = put(plain, data="third", ReturnValues="ALL_OLD", **present)
    assert (old["Attributes"]["data"]["S"], get(plain)["Item"]["data"]["S"]) == ("first", "third")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("#d = :x AND attribute_exists(pk)", True),
        ("#d <> :x OR begins_with(pk, :k)", True),
        ("NOT (#d = :x) OR pk BETWEEN :x AND :x", False),
        ("contains(#d, :x) and pk > :k", True),
        ("pk <= :k", False),
    ],
)
def test_conditions_are_evaluated(plain: Any, condition: str, holds: bool) -> None:
    put(plain)
    names = {"#d": "data"} if "#d" in condition else {}
    values = {name: value for name, value in ((":x", {"S": "x"}), (":k", {"S": "key"})) if name in condition}
    found = plain.scan(
        TableName="test-table",
        FilterExpression=condition,
        ExpressionAttributeValues=values,
        **({"ExpressionAttributeNames": names} if names else {}),
    )
    assert (found["Count"], found["ScannedCount"]) == (holds, 1)


def test_an_update_sets_attributes_and_creates_a_missing_item(plain: Any) -> None:
    """An update sets the attributes that it names, and creates the item where there is none."""

    def update(value: str, wanted: str, **more: Any) -> Any:
        return plain.update_item(
            TableName="test-table",
            Key={"pk": {"S": "k"}},
            UpdateExpression="SET #a = :a, b = :b",
            ExpressionAttributeNames={"#a": "a"},
            ExpressionAttributeValues={":a": {"S": value}, ":b": {"N": "1"}},
            ReturnValues=wanted,
            **more,
        ).get("Attributes")

    assert update("1", "ALL_OLD") is None
    assert update("2", "UPDATED_OLD") == {"a": {"S": "1"}, "b": {"N": "1"}}
    assert update("3", "ALL_NEW") == {"pk": {"S": "k"}, "a": {"S": "3"}, "b": {"N": "1"}}
    assert refused(update, "4", "NONE", ConditionExpression="attribute_not_exists(pk)")["Error"]["Code"] == (
        "ConditionalCheckFailedException"
    )
    assert get(plain, "k")["Item"]["a"] == {"S": "3"}


def test_a_delete_may_be_repeated(plain: Any) -> None:
    put(plain)
    where = {"TableName": "test-table", "Key": {"pk": {"S": "key#1"}}}
    assert plain.delete_item(**where, ReturnValues="ALL_OLD")["Attributes"]["data"] == {"S": "x"}
    assert "Attributes" not in plain.delete_item(**where, ReturnValues="ALL_OLD")
    assert "Item" not in get(plain)
    answer = refused(plain.delete_item, **where, ConditionExpression="attribute_exists(pk)")
    assert answer["Error"]["Code"] == "ConditionalCheckFailedException"


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("#k = :k", {}, [-1, 2, 10]),
        ("#k = :k AND sk > :a", {":a": 0}, [2, 10]),
        ("#k = :k AND sk BETWEEN :a AND :b", {":a": -5, ":b": 2}, [-1, 2]),
        ("sk = :a AND #k = :k", {":a": 10}, [10]),
    ],
)
def test_a_query_reads_one_partition_in_order(ordered: Any, condition: str, values: dict, found: list) -> None:
    for pk, sk in (("p", 10), ("p", 2), ("q", 3), ("p", -1)):
        ordered.put_item(TableName="test-table", Item=key_of(pk, sk))
    question = {
        "TableName": "test-table",
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {"#k": "pk"},
        "ExpressionAttributeValues": {":k": {"S": "p"}} | {key: {"N": str(value)} for key, value in values.items()},
    }
    for forward in (True, False):
        seen, start = [], {}
        while True:
            page = ordered.query(**question, Limit=1, ScanIndexForward=forward, **start)
            seen += [int(item["sk"]["N"]) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert seen == (found if forward else found[::-1])


def test_an_index_has_the_items_with_its_key(ordered: Any) -> None:
    for number in range(6):
        colour = {"colour": {"S": "red" if number % 2 else "blue"}} if number else {}
        item = key_of(f"p{number}", number) | colour | {"data": {"S": "x"}}
        ordered.put_item(TableName="test-table", Item=item)
    question = {"TableName": "test-table", "IndexName": "by-colour", "KeyConditionExpression": "colour = :c"}
    red = ordered.query(**question, ExpressionAttributeValues={":c": {"S": "red"}}, Limit=2)
    assert red["Items"] == [key_of(f"p{number}", number) | {"colour": {"S": "red"}} for number in (1, 3)]
    assert red["LastEvaluatedKey"] == key_of("p3", 3) | {"colour": {"S": "red"}}
    rest = ordered.query(
        **question, ExpressionAttributeValues={":c": {"S": "red"}}, ExclusiveStartKey=red["LastEvaluatedKey"]
    )
    assert [item["sk"]["N"] for item in rest["Items"]] == ["5"]
    assert ordered.scan(TableName="test-table", IndexName="by-colour")["Count"] == 5


@settings(max_examples=10)
@given(st.integers(1, 7), st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12), st.integers(1, 4))
def test_the_segments_of_a_scan_have_every_item_once(segments: int, keys: set, limit: int) -> None:
    with Server(process=False, table=SORTED) as server:
        dynamodb = client(server)
        for pk, sk in keys:
            dynamodb.put_item(TableName="test-table", Item=key_of(f"p{pk}", sk))
        seen = []
        for segment in range(segments):
            start: dict[str, Any] = {}
            while True:
                page = dynamodb.scan(
                    TableName="test-table", Segment=segment, TotalSegments=segments, Limit=limit, **start
                )
                seen += page["Items"]
                if "LastEvaluatedKey" not in page:
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted((int(item["pk"]["S"][1:]), int(item["sk"]["N"])) for item in seen) == sorted(keys)


def test_a_page_ends_at_one_megabyte(plain: Any) -> None:
    for number in range(4):
        put(plain, f"k{number}", "x" * 400_000)
    page = plain.scan(TableName="test-table", ReturnConsumedCapacity="TOTAL", Select="COUNT")
    assert (page["Count"], "Items" in page) == (3, False)
    assert page["ConsumedCapacity"]["CapacityUnits"] == 0.5 * -(-3 * 400_008 // 4096) == 146.5
    rest = plain.scan(TableName="test-table", ExclusiveStartKey=page["LastEvaluatedKey"])
    assert (rest["Count"], "LastEvaluatedKey" in rest) == (1, False)


@pytest.mark.parametrize(("data", "write", "read"), [(1, 1, 1), (1016, 1, 1), (1017, 2, 1), (4088, 4, 1), (4089, 5, 2)])
def test_capacity_is_counted_in_whole_units(plain: Any, data: int, write: int, read: int) -> None:
    # Key and names take 8 bytes.
    capacity = {"ReturnConsumedCapacity": "TOTAL"}
    answers = [put(plain, "ke", "x" * data, **capacity)]
    answers += [get(plain, "ke", **capacity), get(plain, "ke", ConsistentRead=True, **capacity)]
    answers += [put(plain, "ke", "x", **capacity)]
    assert [answer["ConsumedCapacity"]["CapacityUnits"] for answer in answers] == [write, read / 2, read, write]
    where = {"TableName": "test-table", "Key": {"pk": {"S": "ke"}}}
    kinds = [{"Put": {"TableName": "test-table", "Item": {"pk": {"S": "ke"}, "data": {"S": "x" * data}}}}]
    (double,) = plain.transact_write_items(TransactItems=kinds, **capacity)["ConsumedCapacity"]
    assert double["WriteCapacityUnits"] == double["CapacityUnits"] == 2 * write
    (double,) = plain.transact_get_items(TransactItems=[{"Get": where}], **capacity)["ConsumedCapacity"]
    assert double["ReadCapacityUnits"] == 2 * read
    assert plain.delete_item(**where, **capacity)["ConsumedCapacity"]["CapacityUnits"] == write


def test_capacity_of_indexes_is_reported_separately(ordered: Any) -> None:
    def units(item: dict[str, Any]) -> tuple[float, float, float]:
        answer = ordered.put_item(TableName="test-table", Item=item, ReturnConsumedCapacity="INDEXES")
        consumed = answer["ConsumedCapacity"]
        index = consumed.get("GlobalSecondaryIndexes", {"by-colour": {"CapacityUnits": 0}})["by-colour"]
        return consumed["CapacityUnits"], consumed["Table"]["CapacityUnits"], index["CapacityUnits"]

    red, blue = ({"colour": {"S": name}} for name in ("red", "blue"))
    assert units(key_of("p", 1)) == (1, 1, 0)
    assert units(key_of("p", 1) | red) == (2, 1, 1)
    # Other attributes change without the index; an item that moves in the index is written twice.
    assert units(key_of("p", 1) | red | {"data": {"S": "x"}}) == (1, 1, 0)
    assert units(key_of("p", 1) | blue) == (3, 1, 2)


def test_a_batch_is_written_and_read(plain: Any) -> None:
    writes = [{"PutRequest": {"Item": {"pk": {"S": f"k{number}"}}}} for number in range(25)]
    answer = plain.batch_write_item(RequestItems={"test-table": writes}, ReturnConsumedCapacity="TOTAL")
    assert (answer["UnprocessedItems"], answer["ConsumedCapacity"][0]["CapacityUnits"]) == ({}, 25)
    plain.batch_write_item(RequestItems={"test-table": [{"DeleteRequest": {"Key": {"pk": {"S": "k3"}}}}]})
    keys = [{"pk": {"S": f"k{number}"}} for number in range(2, 5)]
    answer = plain.batch_get_item(RequestItems={"test-table": {"Keys": keys}}, ReturnConsumedCapacity="TOTAL")
    assert sorted(item["pk"]["S"] for item in answer["Responses"]["test-table"]) == ["k2", "k4"]
    assert (answer["UnprocessedKeys"], answer["ConsumedCapacity"][0]["CapacityUnits"]) == ({}, 1.5)


def test_a_transaction_is_applied_completely_or_not_at_all(plain: Any) -> None:
    put(plain, "there")
    where = {"TableName": "test-table", "Key": {"pk": {"S": "there"}}}
    actions = [
        {"Put": {"TableName": "test-table", "Item": {"pk": {"S": "new"}}}},
        {"Delete": {**where, "ConditionExpression": "attribute_not_exists(pk)"}},
    ]
    answer = refused(plain.transact_write_items, TransactItems=actions)
    assert answer["Error"]["Code"] == "TransactionCanceledException"
    assert "[None, ConditionalCheckFailed]" in answer["Error"]["Message"]
    assert [reason["Code"] for reason in answer["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert "Item" not in get(plain, "new")
    values = {"ExpressionAttributeValues": {":a": {"S": "b"}}}
    actions = [
        {"ConditionCheck": {**where, "ConditionExpression": "attribute_exists(pk)"}},
        {"Update": {**where, "Key": {"pk": {"S": "made"}}, "UpdateExpression": "SET a = :a", **values}},
        {"Delete": {**where, "Key": {"pk": {"S": "nothing"}}}},
    ]
    plain.transact_write_items(TransactItems=actions)
    found = plain.transact_get_items(
        TransactItems=[{"Get": where}, {"Get": {**where, "Key": {"pk": {"S": "nothing"}}}}]
    )
    assert [bool(response.get("Item")) for response in found["Responses"]] == [True, False]
    assert get(plain, "made")["Item"]["a"] == {"S": "b"}


def test_a_transaction_with_the_same_token_is_applied_once(plain: Any) -> None:
    def transact(data: str) -> Any:
        item = {"pk": {"S": "k"}, "data": {"S": data}}
        return plain.transact_write_items(
            TransactItems=[{"Put": {"TableName": "test-table", "Item": item}}],
            ClientRequestToken="token",
            ReturnConsumedCapacity="TOTAL",
        )["ConsumedCapacity"][0]

    assert transact("a")["WriteCapacityUnits"] == 2
    put(plain, "k", "between")
    assert transact("a")["ReadCapacityUnits"] == 2
    assert get(plain, "k")["Item"]["data"] == {"S": "between"}
    assert refused(transact, "b")["Error"]["Code"] == "IdempotentParameterMismatchException"


def test_a_table_is_described(plain: Any, ordered: Any) -> None:
    put(plain)
    table = plain.describe_table(TableName="test-table")["Table"]
    assert (table["TableStatus"], table["ItemCount"], table["TableSizeBytes"]) == ("ACTIVE", 1, 12)
    assert table["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
    put(plain, data="xyz")
    put(plain, "key#2")
    plain.delete_item(TableName="test-table", Key={"pk": {"S": "key#1"}})
    again = plain.describe_table(TableName="test-table")["Table"]
    assert (again["ItemCount"], again["TableSizeBytes"]) == (1, 12)
    assert table["WarmThroughput"] == {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
    table = ordered.describe_table(TableName="test-table")["Table"]
    assert "BillingModeSummary" not in table
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 7
    (index,) = table["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["IndexStatus"]) == ("by-colour", "ACTIVE")


@pytest.mark.parametrize(
    ("operation", "parameters", "words"),
    [
        ("put_item", {"Item": {"sk": {"N": "1"}}}, "Missing the key pk in the item"),
        ("put_item", {"Item": {"pk": {"S": "p"}, "sk": {"S": "1"}}}, "Type mismatch for key sk expected: N actual: S"),
        ("put_item", {"Item": {"pk": {"S": ""}, "sk": {"N": "1"}}}, "cannot contain an empty string value. Key: pk"),
        ("put_item", {"Item": key_of("p", 1) | {"colour": {"N": "1"}}}, "Type mismatch for Index Key colour"),
        ("put_item", {"Item": key_of("p", 1) | {"d": {"S": "x" * 409_600}}}, "exceeded the maximum allowed size"),
        ("put_item", {"Item": key_of("p", 1) | {"n": {"N": "1" * 39}}}, "more than 38 significant digits"),
        ("put_item", {"Item": key_of("p", 1) | {"n": {"N": "x"}}}, "cannot be converted to a numeric value"),
        ("put_item", {"Item": {"pk": {"S": "p" * 2049}, "sk": {"N": "1"}}}, "Size of hashkey has exceeded"),
        ("get_item", {"Key": {"pk": {"S": "p"}}}, "does not match the schema"),
        ("delete_item", {"Key": {"pk": {"S": "p"}, "sk": {"S": "1"}}}, "does not match the schema"),
        (
            "update_item",
            {
                "Key": key_of("p", 1),
                "UpdateExpression": "SET sk = :a",
                "ExpressionAttributeValues": {":a": {"N": "2"}},
            },
            "Cannot update attribute sk. This attribute is part of the key",
        ),
        ("get_item", {"Key": key_of("p", 1), "ProjectionExpression": "data"}, "reserved keyword: data"),
        ("put_item", {"Item": key_of("p", 1), "ConditionExpression": "#x = :y"}, "attribute name: #x"),
        (
            "put_item",
            {"Item": key_of("p", 1), "ExpressionAttributeNames": {"#x": "x"}},
            "unused in expressions: keys: {#x}",
        ),
        (
            "query",
            {"KeyConditionExpression": "sk = :a", "ExpressionAttributeValues": {":a": {"N": "1"}}},
            "missed key schema element: pk",
        ),
        ("scan", {"Segment": 2, "TotalSegments": 2}, "Segment: 2 is not less than TotalSegments: 2"),
        ("scan", {"Limit": 10, "IndexName": "none"}, "does not have the specified index: none"),
    ],
)
def test_invalid_requests_are_refused(ordered: Any, operation: str, parameters: dict, words: str) -> None:
    answer = refused(getattr(ordered, operation), TableName="test-table", **parameters)
    assert answer["Error"]["Code"] == "ValidationException"
    assert words in answer["Error"]["Message"]


def test_batches_and_transactions_name_each_item_once(plain: Any) -> None:
    item = {"pk": {"S": "k"}}
    writes = [{"PutRequest": {"Item": item}}, {"DeleteRequest": {"Key": item}}]
    twice = {"Put": {"TableName": "test-table", "Item": item}}
    for answer in (
        refused(plain.batch_write_item, RequestItems={"test-table": writes}),
        refused(plain.batch_get_item, RequestItems={"test-table": {"Keys": [item, item]}}),
    ):
        assert answer["Error"]["Message"] == "Provided list of item keys contains duplicates"
    answer = refused(plain.transact_write_items, TransactItems=[twice, twice])
    assert "multiple operations on one item" in answer["Error"]["Message"]
    many = [{"PutRequest": {"Item": {"pk": {"S": str(number)}}}} for number in range(26)]
    answer = refused(plain.batch_write_item, RequestItems={"test-table": many})
    assert "length less than or equal to 25" in answer["Error"]["Message"]


def test_another_table_does_not_exist(plain: Any) -> None:
    for operation in ("describe_table", "scan"):
        answer = refused(getattr(plain, operation), TableName="other-table")
        assert answer["Error"]["Code"] == "ResourceNotFoundException"


def test_the_bytes_on_the_wire_are_those_of_dynamodb() -> None:
    with Server(process=False) as server, socket.create_connection(("127.0.0.1", server.port)) as wire:
        requests = []
        for body in (b'{"TableName":"test-table","Key":{"pk":{"S":"k"}}}', b'{"TableName":"x","Key":{}}'):
            head = b"POST / HTTP/1.1\r\nX-AMZ-TARGET:DynamoDB_20120810.GetItem\r\nContent-Length: %d\r\n\r\n" % len(
                body
            )
            requests.append(head + body)
        # Two at once, cut in the middle of the second.
        whole = b"".join(requests)
        wire.sendall(whole[:-30])
        answers = [_read_answer(wire)]
        wire.sendall(whole[-30:])
        answers.append(_read_answer(wire))
    (status, headers, body), (bad_status, _headers, bad_body) = answers
    assert (status, body) == (b"HTTP/1.1 200 OK", b"{}")
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert int(headers["x-amz-crc32"]) == zlib.crc32(body)
    assert len(headers["x-amzn-RequestId"]) == 52
    assert headers["Date"].endswith(" GMT")
    assert bad_status == b"HTTP/1.1 400 Bad Request"
    assert json.loads(bad_body)["__type"] == "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"


def _read_answer(wire: socket.socket) -> tuple[bytes, dict[str, str], bytes]:
    got = b""
    while b"\r\n\r\n" not in got:
        got += wire.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = dict(line.decode().split(": ", 1) for line in lines)
    while len(body) < int(headers["Content-Length"]):
        body += wire.recv(65536)
    return status, headers, body


# ---- Faults


@pytest.mark.parametrize(
    ("table", "given", "name", "member", "reason"),
    [
        ({}, {}, "ThrottlingException", "throttlingReasons", "TableWriteKeyRangeThroughputExceeded"),
        (
            {"BillingMode": "PROVISIONED"},
            {"reason": "TableWriteProvisionedThroughputExceeded"},
            "ProvisionedThroughputExceededException",
            "ThrottlingReasons",
            "TableWriteProvisionedThroughputExceeded",
        ),
        ({}, {"type": "RequestLimitExceeded", "reason": "X"}, "RequestLimitExceeded", "ThrottlingReasons", "X"),
    ],
)
def test_a_throttle_has_its_reason(table: dict, given: dict, name: str, member: str, reason: str) -> None:
    script = [{"when": {"operation": "PutItem", "every": 2}, "what": {"throttle": given}}]
    with Server(script, process=False, table=table) as server:
        dynamodb = client(server)
        answer = refused(put, dynamodb)
        put(dynamodb, "key#2")
        assert refused(put, dynamodb, "key#3")["Error"]["Code"] == name
        assert [item["pk"]["S"] for item in server.table] == ["key#2"]
    assert answer["Error"]["Code"] == name
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/test-table"
    assert answer[member] == [{"reason": reason, "resource": arn}]
    assert [injection.keys for injection in server.log.of("throttle")] == [
        [{"pk": {"S": "key#1"}}],
        [{"pk": {"S": "key#3"}}],
    ]
    assert server.log.answers == {name: 2, "ok": 1}


def test_errors_and_cancellations_are_as_scripted() -> None:
    script = [
        {"when": {"operation": "PutItem"}, "what": {"error": {"type": "InternalServerError"}}},
        {
            "when": {"operation": ["TransactWriteItems"]},
            "what": {"cancel": {"code": "TransactionConflict", "index": 1}},
        },
    ]
    with Server(script, process=False) as server:
        dynamodb = client(server)
        answer = refused(put, dynamodb)
        assert answer["Error"]["Code"] == "InternalServerError"
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
        actions = [{"Put": {"TableName": "test-table", "Item": {"pk": {"S": str(number)}}}} for number in range(2)]
        answer = refused(dynamodb.transact_write_items, TransactItems=actions)
        assert [reason["Code"] for reason in answer["CancellationReasons"]] == ["None", "TransactionConflict"]
        assert server.table == []


@pytest.mark.parametrize("what", ["lose_request", "lose_answer"])
@pytest.mark.parametrize(("how", "error"), [("reset", RESET), ("silent", ReadTimeoutError)])
def test_a_lost_request_is_executed_or_not_as_scripted(what: str, how: str, error: Any) -> None:
    with Server([{"what": {what: how}}], process=False) as server:
        with pytest.raises(error):
            put(client(server, timeout=1))
        assert len(server.table) == (what == "lose_answer")
    assert (server.log.faults[what], server.log.answers) == (1, {"lost": 1})


def test_a_lost_write_may_be_applied_late() -> None:
    with Server([{"what": {"apply_late": {"ms": 150, "then": "reset"}}}], process=False) as server:
        with pytest.raises(RESET):
            put(client(server))
        assert server.table == []
        _until(lambda: server.table != [])
    assert [injection.what for injection in server.log.injected] == ["apply_late", "applied_late"]


def _until(happens: Any) -> None:
    deadline = time.monotonic() + 5
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_write_can_be_dropped_corrupted_and_read_stale() -> None:
    script = [
        {"when": {"operation": "PutItem", "key_numbers": [1, 2]}, "what": {"drop_write": True}},
        {"when": {"operation": "PutItem", "key_numbers": [2, 3]}, "what": {"corrupt": True}},
        {"when": {"operation": "GetItem", "key_numbers": [3, 4]}, "what": {"stale": True}},
    ]
    with Server(script, process=False) as server:
        dynamodb = client(server)
        for number in range(1, 4):
            for data in ("old", "new"):
                answer = put(dynamodb, f"key#{number}", data, ReturnConsumedCapacity="TOTAL")
                assert answer["ConsumedCapacity"]["CapacityUnits"] == 1
        assert "Item" not in get(dynamodb, "key#1")
        assert get(dynamodb, "key#2")["Item"]["data"] == {"S": "neX"}
        assert get(dynamodb, "key#3")["Item"]["data"] == {"S": "old"}
        assert sorted(item["data"]["S"] for item in server.table) == ["neX", "new"]
    assert server.log.faults == {"drop_write": 2, "corrupt": 2, "stale": 1}
    assert {injection.keys[0]["pk"]["S"] for injection in server.log.of("drop_write")} == {"key#1"}


def test_a_fault_without_effect_is_not_logged() -> None:
    script = [
        {"when": {"operation": ["GetItem", "BatchGetItem"]}, "what": {"drop_write": True, "corrupt": True}},
        {"when": {"operation": "DeleteItem"}, "what": {"corrupt": True}},
        {"when": {"operation": "PutItem"}, "what": {"stale": True, "unprocessed": {"share": 1}}},
        {"when": {"operation": "UpdateItem"}, "what": {"drop_write": True}},
    ]
    with Server(script, process=False) as server:
        dynamodb = client(server)
        put(dynamodb)
        assert get(dynamodb)["Item"]["data"] == {"S": "x"}
        where = {"TableName": "test-table", "Key": {"pk": {"S": "key#1"}}}
        answer = refused(dynamodb.update_item, **{**where, "Key": {"pk": {"N": "1"}}})
        assert answer["Error"]["Code"] == "ValidationException"
        dynamodb.delete_item(**where)
        assert server.table == []
    assert (server.log.faults, server.log.injected) == ({}, [])


def test_part_of_a_batch_is_returned_unprocessed() -> None:
    with Server([{"when": {"numbers": [0, 2]}, "what": {"unprocessed": {"share": 0.3}}}], process=False) as server:
        dynamodb = client(server)
        writes = [{"PutRequest": {"Item": {"pk": {"S": f"k{number}"}}}} for number in range(10)]
        answer = dynamodb.batch_write_item(RequestItems={"test-table": writes}, ReturnConsumedCapacity="TOTAL")
        assert answer["UnprocessedItems"] == {"test-table": writes[7:]}
        assert answer["ConsumedCapacity"][0]["CapacityUnits"] == len(server.table) == 7
        keys = [write["PutRequest"]["Item"] for write in writes]
        answer = dynamodb.batch_get_item(RequestItems={"test-table": {"Keys": keys}})
        assert answer["UnprocessedKeys"] == {"test-table": {"Keys": keys[7:]}}
        dynamodb.batch_write_item(RequestItems={"test-table": writes[7:]})
        assert len(server.table) == 10


def test_a_batch_without_processed_items_is_a_throttle() -> None:
    with Server([{"what": {"unprocessed": {"share": 1}}}], process=False) as server:
        writes = [{"PutRequest": {"Item": {"pk": {"S": "k"}}}}]
        answer = refused(client(server).batch_write_item, RequestItems={"test-table": writes})
    assert answer["Error"]["Code"] == "ProvisionedThroughputExceededException"


def test_a_response_can_be_cut_or_have_a_wrong_checksum() -> None:
    script = [
        {"when": {"numbers": [0, 1]}, "what": {"reset": True}},
        {"when": {"numbers": [1, 2]}, "what": {"bad_crc": True}},
    ]
    with Server(script, process=False) as server:
        dynamodb = client(server)
        with pytest.raises(RESET):
            put(dynamodb)
        with pytest.raises(ChecksumError):
            get(dynamodb)
        get(dynamodb)
    assert server.log.faults == {"reset": 1, "bad_crc": 1}


@pytest.mark.parametrize(
    "what", [{"chunked": True}, {"pieces": 37}, {"close": True}, {"chunked": True, "pieces": 50, "close": True}]
)
def test_responses_in_every_shape_are_the_same(what: dict) -> None:
    with Server([{"what": {**what, "headers": {"x-more": "1"}}}], process=False) as server:
        dynamodb = client(server)
        put(dynamodb, data="y" * 100)
        answer = get(dynamodb)
        assert answer["Item"]["data"]["S"] == "y" * 100
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-more"] == "1"
    assert server.log.connections == 1 + ("close" in what)
    assert all(server.log.faults[name] == 2 for name in what)


def test_a_response_can_be_any_text() -> None:
    def script(request: Request) -> dict[str, Any] | None:
        if request.operation == "DescribeTable":
            return {"answer": {"document": {"Table": {"TableStatus": "CREATING"}}}}
        return {"answer": {"document": {"odd": 1}, "status": 418}} if request.body.get("Item") else None

    with Server(script, process=False) as server:
        dynamodb = client(server)
        assert dynamodb.describe_table(TableName="test-table")["Table"]["TableStatus"] == "CREATING"
        assert refused(put, dynamodb)["ResponseMetadata"]["HTTPStatusCode"] == 418
        assert "Item" not in get(dynamodb)


def test_connections_can_be_refused() -> None:
    script = [{"when": {"operation": "connect", "numbers": [0, 2]}, "what": {"refuse": True}}]
    with Server(script, process=False) as server:
        dynamodb = client(server)
        for _attempt in range(2):
            with pytest.raises(RESET):
                put(dynamodb)
        put(dynamodb)
    assert (server.log.connections, server.log.faults["refuse"]) == (3, 2)


def test_responses_are_delayed_by_all_rules_together() -> None:
    script = [
        {"what": {"delay_ms": 20}},
        {"when": {"operation": "GetItem"}, "what": {"delay_ms": 30}},
        {"what": {"slow_start": {"seconds": 3600, "delay_ms": 40}}},
    ]
    with Server(script, process=False) as server:
        dynamodb = client(server)
        began = time.perf_counter()
        put(dynamodb)
        written = time.perf_counter()
        get(dynamodb)
        assert written - began >= 0.0599
        assert time.perf_counter() - written >= 0.0899
    assert server.log.faults == {"delay": 2}


def test_response_can_be_delayed_before_the_first_data() -> None:
    with Server([{"when": {"operation": "DescribeTable"}, "what": {"delay_ms": 20}}], process=False) as server:
        began = time.perf_counter()
        client(server).describe_table(TableName="test-table")
        assert time.perf_counter() - began >= 0.0199


def test_no_response_is_sent_while_the_server_stalls() -> None:
    # The first response would be sent within the first window; later requests reach the second one.
    script = [
        {"when": {"window_s": [0.1, 0.2], "each_s": 0.3}, "what": {"stall": True}},
        {"what": {"delay_ms": 150}, "when": {"numbers": [0, 1]}},
    ]
    with Server(script, process=False) as server:
        dynamodb = client(server)
        began = time.perf_counter()
        put(dynamodb)
        assert time.perf_counter() - began >= 0.1999
        _until(lambda: put(dynamodb) and server.log.faults["stall"] == 2)
        assert time.perf_counter() - began >= 0.4999
    assert server.log.faults == {"delay": 1, "stall": 2}


def test_a_window_opens_and_closes() -> None:
    script = [{"when": {"window_s": [0.2, 10]}, "what": {"throttle": {}}}]
    with Server(script, process=False) as server:
        dynamodb = client(server)
        began = time.perf_counter()
        put(dynamodb)
        _until(lambda: _is_throttled(dynamodb))
        assert time.perf_counter() - began >= 0.1999


def _is_throttled(dynamodb: Any) -> bool:
    try:
        put(dynamodb)
    except ClientError:
        return True
    return False


@given(st.integers(0, 2**40), st.floats(0.05, 0.95))
def test_a_share_is_random_and_repeatable(seed: int, share: float) -> None:
    (rule,) = parse([{"when": {"share": share, "seed": seed}, "what": {"close": True}}])
    chosen = [number for number in range(2000) if rule.when.holds(number, 0.0, [], False)]
    # Five standard deviations of a binomial.
    assert abs(len(chosen) - 2000 * share) < 5 * (2000 * share * (1 - share)) ** 0.5 + 1
    assert chosen == [number for number in range(2000) if chance(seed, number) < share]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ([{"when": {"evry": 2}, "what": {"close": True}}], r"script\[0\].when.evry"),
        ([{"what": {"throtle": {}}}], r"script\[0\].what.throtle"),
        ([{"when": {}}], r"script\[0\]: a rule has"),
        ([{"what": {"stall": True}}], "needs a window_s"),
    ],
)
def test_a_script_with_a_mistake_is_refused(script: list, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        parse(script)


def test_a_clock_that_is_ahead_refuses_signatures() -> None:
    with Server(process=False, clock_offset_s=1200) as server:
        answer = refused(put, client(server))
    assert answer["Error"]["Code"] == "InvalidSignatureException"
    assert "expired" in answer["Error"]["Message"]


# ---- The process


def test_a_separate_process_does_the_same_over_tls(tmp_path: Path) -> None:
    _context, trusted = certificate.make(tmp_path)
    tls = (tmp_path / "certificate.pem", tmp_path / "key.pem")
    script = [{"when": {"numbers": [1, 2]}, "what": {"lose_answer": "reset", "delay_ms": 1}}]
    with Server(script, tls=tls, table=SORTED) as server:
        dynamodb = client(server, verify=str(trusted))
        dynamodb.put_item(TableName="test-table", Item=key_of("p", 1))
        with pytest.raises(RESET):
            dynamodb.put_item(TableName="test-table", Item=key_of("p", 2))
        assert server.table == [key_of("p", 1), key_of("p", 2)]
        assert server.log.requests == {"PutItem": 2}
    assert server.log.of("lose_answer")[0].keys == [key_of("p", 2)]
    assert server.log.access_keys == {"test-key": 2}


def test_the_command_prints_its_ports_and_ends_with_its_input() -> None:
    """The command prints the ports it listens on, and ends with its input."""
    script = json.dumps([{"when": {"operation": "GetItem"}, "what": {"error": {"type": "InternalServerError"}}}])
    command = [sys.executable, "-m", "server", "--script", script, "--fast", "--until-input-ends"]
    child = subprocess.Popen(
        command, cwd=Path(__file__).parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    ports = json.loads(child.stdout.readline())
    server = Server()
    server._ports = type(server._ports)(**ports)
    assert put(client(server))["ConsumedCapacity"]["CapacityUnits"] == 1
    refused(get, client(server))
    assert server.table == []
    child.communicate(timeout=10)
    assert child.returncode == 0


def test_a_function_needs_a_thread() -> None:
    with pytest.raises(ScriptError, match="process=False"):
        Server(lambda request: None)
