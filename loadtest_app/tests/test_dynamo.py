# SPDX-License-Identifier: Apache-2.0
import datetime
import time
import zlib
from unittest import mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from ddbload.dynamo.errors import classify
from ddbload.dynamo.sign import CONTENT_TYPE, Credentials, Signer
from ddbload.dynamo.wire import Connection, WireError, decode_chunked, parse_head
from hypothesis import given
from hypothesis import strategies as st

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80)


@given(
    printable,
    printable,
    st.one_of(st.none(), printable),
    st.sampled_from(["us-east-1", "eu-west-1"]),
    st.integers(1_600_000_000, 2_000_000_000),
    st.binary(max_size=200),
)
def test_signatures_are_those_of_botocore(
    access_key: str, secret_key: str, token: str | None, region: str, second: int, body: bytes
) -> None:
    host, target = f"dynamodb.{region}.amazonaws.com", "DynamoDB_20120810.PutItem"
    signer = Signer(host, region, Credentials(access_key, secret_key, token))
    signer.at(second)
    head = signer.request(target, body).partition(b"\r\n\r\n")[0].decode()
    ours = dict(line.partition(": ")[::2] for line in head.split("\r\n")[1:])

    headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": target, "Host": host}
    request = AWSRequest("POST", f"https://{host}/", headers=headers, data=body)
    moment = datetime.datetime.fromtimestamp(second, datetime.UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment, create=True):
        SigV4Auth(BotocoreCredentials(access_key, secret_key, token), "dynamodb", region).add_auth(request)
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["content-length"] == str(len(body))


def test_new_credentials_and_a_new_second_sign_anew() -> None:
    signer = Signer("h", "r", Credentials("a" * 16, "s"))
    signer.at(1)
    first = signer.request("t", b"{}")
    assert signer.request("t", b"{}") == first
    signer.at(2)
    second = signer.request("t", b"{}")
    signer.renew(Credentials("b" * 16, "s"))
    signer.at(2)
    assert len({first, second, signer.request("t", b"{}")}) == 3


def test_credentials_do_not_show_their_secret() -> None:
    assert "hidden" not in repr(Credentials("AKIAEXAMPLE", "hidden", "hidden"))


class Owner:
    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, bool]] = []
        self.lost_for: list[str] = []

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        self.answers.append((status, body, intact))

    def lost(self, connection: Connection, reason: str) -> None:
        self.lost_for.append(reason)


def connection() -> tuple[Connection, Owner]:
    owner = Owner()
    made = Connection(owner)
    made.connection_made(mock.Mock())
    made.begin(b"request", "put", 0, time.perf_counter_ns())
    return made, owner


def raw(body: bytes, chunked: bool, crc: int | None = None) -> bytes:
    crc = zlib.crc32(body) if crc is None else crc
    head = f"HTTP/1.1 200 OK\r\nX-Amz-Crc32: {crc}\r\n"
    if not chunked:
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (1, body[at : at + 1]) for at in range(len(body)))
    return f"{head}Transfer-Encoding: Chunked\r\n\r\n".encode() + chunks + b"0\r\nTrailer: x\r\n\r\n"


@given(st.binary(max_size=60), st.booleans(), st.lists(st.integers(1, 40), min_size=1))
def test_an_answer_is_read_however_it_is_cut(body: bytes, chunked: bool, cuts: list[int]) -> None:
    made, owner = connection()
    data = raw(body, chunked)
    position = 0
    for number in range(len(data)):
        if position >= len(data):
            break
        step = cuts[number % len(cuts)]
        assert owner.answers == []
        made.data_received(data[position : position + step])
        position += step
    assert owner.answers == [(200, body, True)]


def test_a_wrong_checksum_is_seen() -> None:
    made, owner = connection()
    made.data_received(raw(b"{}", False, crc=1))
    assert owner.answers == [(200, b"{}", False)]


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_answer_ends_the_connection(data: bytes) -> None:
    made, owner = connection()
    made.data_received(data)
    assert made.transport.abort.called
    made.connection_lost(None)
    assert owner.lost_for[0].startswith("BadAnswer")


def test_an_answer_that_nobody_asked_for_ends_the_connection() -> None:
    made, _owner = connection()
    made.data_received(raw(b"{}", False) + b"HTTP/1.1")
    assert made.transport.abort.called


def test_a_connection_that_is_closed_by_its_answer_is_not_used_again() -> None:
    made, owner = connection()
    made.data_received(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
    assert (owner.answers, made.usable) == ([(200, b"{}", True)], False)
    assert made.transport.close.called


def test_heads_and_chunks() -> None:
    assert parse_head(b"HTTP/1.1 503 X\r\nConnection: close\r\ncontent-length: 0").close
    assert decode_chunked(b"2\r\nab\r\n", 0) is None
    with pytest.raises(WireError):
        decode_chunked(b"zz\r\n", 0)


@pytest.mark.parametrize(
    ("status", "body", "outcome", "reason"),
    [
        (
            400,
            b'{"__type":"x#ProvisionedThroughputExceededException"}',
            "throttled",
            "ProvisionedThroughputExceededException",
        ),
        (
            400,
            b'{"__type":"x#ThrottlingException","ThrottlingReasons":[{"reason":"TableWriteKeyRangeThroughputExceeded"}]}',
            "throttled",
            "TableWriteKeyRangeThroughputExceeded",
        ),
        (400, b'{"__type":"x#ConditionalCheckFailedException"}', "expected", "ConditionalCheckFailedException"),
        (400, b'{"__type":"x#TransactionConflictException"}', "contention", "TransactionConflictException"),
        (400, b'{"__type":"x#AccessDeniedException","Message":"no"}', "fatal", "AccessDeniedException"),
        (500, b'{"__type":"x#InternalServerError"}', "server", "InternalServerError"),
        (503, b"<html>", "server", "HTTP503"),
        (400, b"[]", "server", "HTTP400"),
    ],
)
def test_answers_are_classed(status: int, body: bytes, outcome: str, reason: str) -> None:
    assert classify(status, body)[:2] == (outcome, reason)
