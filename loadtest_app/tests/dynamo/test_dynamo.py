# SPDX-License-Identifier: Apache-2.0
"""The wire: requests are signed as botocore signs them, responses are read in any pieces, errors are classed."""

import datetime
import json
import time
import zlib
from email.utils import formatdate
from typing import Any
from unittest import mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from ddbload.dynamo.http1 import ChunkedBody, Connection, Layout, WireError, parse_head
from ddbload.dynamo.responses.errors import OUTCOMES, classify
from ddbload.dynamo.sign import CONTENT_TYPE, CORRECTION_NS, Credentials, Signer, clock_skew_s
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
    st.sampled_from(["/", "/some/path", "/a//b/", "/a/../b/./c", "/with%20space/~x", "/*+"]),
)
def test_signatures_are_those_of_botocore(
    access_key: str, secret_key: str, token: str | None, region: str, second: int, body: bytes, path: str
) -> None:
    host, target = f"dynamodb.{region}.amazonaws.com", "DynamoDB_20120810.PutItem"
    signer = Signer(host, region, Credentials(access_key, secret_key, token), path)
    signer.at(second)
    head = signer.request(target, body).partition(b"\r\n\r\n")[0].decode()
    own = dict(line.partition(": ")[::2] for line in head.split("\r\n")[1:])

    headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": target, "Host": host}
    request = AWSRequest("POST", f"https://{host}{signer.path}", headers=headers, data=body)
    moment = datetime.datetime.fromtimestamp(second, datetime.UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment, create=True):
        SigV4Auth(BotocoreCredentials(access_key, secret_key, token), "dynamodb", region).add_auth(request)
    assert own["x-amz-date"] == request.headers["X-Amz-Date"]
    assert own["authorization"] == request.headers["Authorization"]
    assert own["content-length"] == str(len(body))


def test_new_credentials_or_a_new_second_change_the_signature() -> None:
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


def test_the_time_of_signing_is_by_the_clock_of_aws() -> None:
    signer = Signer("h", "r", Credentials("a" * 16, "s"))
    signer.skew_s = 3600.0
    before = time.time()
    signer.at_now()
    dates = [time.strftime("x-amz-date: %Y%m%dT%H%M%SZ", time.gmtime(before + 3600 + more)) for more in (0, 1)]
    assert any(date.encode() in signer.request("t", b"{}") for date in dates)


@pytest.mark.parametrize(
    ("ahead_s", "skew_s"),
    [(1200, 1200), (-1200, -1200), (50, 0), (-50, 0)],
    ids=["behind", "ahead", "near", "near too"],
)
def test_a_clock_that_is_off_by_more_than_a_minute_is_noticed(ahead_s: int, skew_s: int) -> None:
    assert clock_skew_s(formatdate(time.time() + ahead_s, usegmt=True)) == pytest.approx(skew_s, abs=5)


def test_a_clock_is_corrected_once_by_the_date_of_a_refusal() -> None:
    signer = Signer("h", "r", Credentials("a" * 16, "s"))
    date = formatdate(time.time() + 1200, usegmt=True)
    assert not signer.correct_clock(formatdate(time.time(), usegmt=True), 1)
    assert (signer.skew_s, signer.clock_corrections) == (0.0, 0)
    assert signer.correct_clock(date, 2)
    assert signer.skew_s == pytest.approx(1200, abs=5)
    # Requests in flight are refused too; a later refusal has another cause.
    assert signer.correct_clock(date, 1 + CORRECTION_NS)
    assert not signer.correct_clock(date, 3 + CORRECTION_NS)
    assert signer.clock_corrections == 1


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sat, 31 Feb 2026 12:00:00 GMT"])
def test_invalid_date_gives_no_skew(date: str | None) -> None:
    assert clock_skew_s(date) == 0.0


class Owner:
    def __init__(self) -> None:
        self.layout = Layout()
        self.answers: list[tuple[int, bytes, bool]] = []
        self.lost_for: list[str] = []

    def succeeded(self, connection: Connection, body: bytes) -> None:
        self.answers.append((200, body, True))

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        self.answers.append((status, body, intact))

    def lost(self, connection: Connection, reason: str) -> None:
        self.lost_for.append(reason)


def connection() -> tuple[Connection, Owner]:
    owner = Owner()
    made = Connection(owner)
    made.connection_made(mock.Mock())
    made.begin(b"request")
    return made, owner


def raw(body: bytes, chunked: bool = False, crc: int | None = None, status: int = 200, more: str = "") -> bytes:
    crc = zlib.crc32(body) if crc is None else crc
    head = f"HTTP/1.1 {status} OK\r\n{more}X-Amz-Crc32: {crc}\r\n"
    if not chunked:
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (1, body[at : at + 1]) for at in range(len(body)))
    return f"{head}Transfer-Encoding: Chunked\r\n\r\n".encode() + chunks + b"0\r\nTrailer: x\r\n\r\n"


@given(st.binary(max_size=60), st.booleans(), st.lists(st.integers(1, 40), min_size=1))
def test_a_response_is_read_in_any_pieces(body: bytes, chunked: bool, cuts: list[int]) -> None:
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


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, tuple[int, bytes, bool], bool]:
    """Return the bytes of a response, its content, and whether it arrives in two parts."""
    body = draw(st.one_of(st.binary(max_size=12), st.sampled_from([b"{}", b"x" * 99, b"x" * 100])))
    status = draw(st.sampled_from([200, 200, 200, 201, 400, 500]))
    intact = draw(st.booleans())
    # Longer, shorter and wrong checksums; headers that shift the rest.
    crc = None if intact else zlib.crc32(body) + draw(st.sampled_from([1, 10**10, -zlib.crc32(body)]))
    more = draw(st.sampled_from(["", "", "Date: x\r\n", "date: y\r\n", "x-amzn-RequestId: ABC\r\n"]))
    if crc == zlib.crc32(body):
        intact = True
    return raw(body, draw(st.booleans()), crc, status, more), (status, body, intact), draw(st.booleans())


def test_half_a_head_is_no_response_without_a_body() -> None:
    made, owner = connection()
    for data in (raw(b""), raw(b"", crc=1), raw(b"\0", chunked=True, crc=0)):
        made.begin(b"request")
        for part in (data[: len(data) // 2], data[len(data) // 2 :]):
            made.data_received(part)
    assert owner.answers == [(200, b"", True), (200, b"", False), (200, b"\0", False)]


@given(st.lists(answers(), min_size=1, max_size=8))
def test_a_response_is_read_after_any_other(series: list[tuple[bytes, tuple[int, bytes, bool], bool]]) -> None:
    made, owner = connection()
    for data, _said, in_two in series:
        made.begin(b"request")
        parts = (data[: len(data) // 2], data[len(data) // 2 :]) if in_two else (data,)
        for part in parts:
            made.data_received(part)
    assert owner.answers == [said for _data, said, _in_two in series]


@given(st.binary(max_size=99), st.binary(max_size=99), st.booleans())
def test_a_layout_agrees_with_the_full_parser_or_is_unused(first: bytes, then: bytes, other_crc: bool) -> None:
    layout = Layout()
    layout.learn(raw(first).partition(b"\r\n\r\n")[0])
    reported = layout.read(raw(then, crc=zlib.crc32(then) ^ other_crc))
    same_digits = len(str(len(first))) == len(str(len(then)))
    same_checksums = len(str(zlib.crc32(first))) == len(str(zlib.crc32(then)))
    assert reported in (then, None)
    if same_digits and same_checksums:
        assert reported == (None if other_crc else then)


def test_a_layout_has_no_offset_before_the_first_response() -> None:
    layout = Layout()
    assert layout.read(raw(b"{}")) is None
    layout.learn(raw(b"{}").partition(b"\r\n\r\n")[0])
    assert layout.read(raw(b"{}")) == b"{}"
    assert layout.read(raw(b"{}", status=400)) is None
    assert layout.read(raw(b"{}")[:-1]) is None
    assert layout.read(raw(b"{}") + b"x") is None
    layout.learn(b"HTTP/1.1 200 OK\r\nConnection: close\r\nx-amz-crc32: 1\r\nContent-Length: 2")
    assert layout.read(raw(b"{}")) is None


def test_headers_may_grow_as_the_checksum_shrinks() -> None:
    """A header that grows as the checksum shrinks breaks no response."""
    made, owner = connection()
    bodies = [b"{}", b"[]"]
    assert [len(str(zlib.crc32(body))) for body in bodies] == [10, 9]
    for body, took in zip(bodies, ("9", "10"), strict=True):
        made.begin(b"request")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-amz-crc32: {zlib.crc32(body)}\r\nx-took: {took}\r\n\r\n"
        made.data_received(head.encode() + body)
    assert owner.answers == [(200, body, True) for body in bodies]


def test_a_request_may_be_sent_while_a_response_is_read() -> None:
    made, owner = connection()
    succeeded = owner.succeeded

    def send_next(connection: Connection, body: bytes) -> None:
        succeeded(connection, body)
        assert not connection.busy
        connection.begin(b"next")

    with mock.patch.object(owner, "succeeded", send_next):
        for body in (b"{}", b"[]", b"{}"):
            made.data_received(raw(body))
    assert [body for _status, body, _intact in owner.answers] == [b"{}", b"[]", b"{}"]
    assert made.busy


def test_a_wrong_checksum_is_seen() -> None:
    made, owner = connection()
    made.data_received(raw(b"{}", crc=1))
    made.begin(b"request")
    made.data_received(raw(b"{}", crc=2))
    assert owner.answers == [(200, b"{}", False)] * 2


def test_a_response_without_a_checksum_is_accepted() -> None:
    made, owner = connection()
    made.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert owner.answers == [(200, b"{}", True)]


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
)
def test_other_bytes_end_the_connection(data: bytes) -> None:
    made, owner = connection()
    made.data_received(data)
    assert made.transport
    assert made.transport.abort.called
    made.connection_lost(None)
    assert owner.lost_for[0].startswith("BadAnswer")


@pytest.mark.parametrize("learnt", [False, True])
def test_response_without_a_request_ends_the_connection(learnt: bool) -> None:
    made, owner = connection()
    if learnt:
        made.data_received(raw(b"{}"))
        made.begin(b"request")
    made.data_received(raw(b"{}") + b"HTTP/1.1")
    assert made.transport
    assert made.transport.abort.called
    assert len(owner.answers) == learnt
    made, owner = connection()
    made.data_received(raw(b"{}"))
    made.data_received(raw(b"{}"))
    assert made.transport
    assert made.transport.abort.called
    assert len(owner.answers) == 1


def test_a_connection_closed_by_its_response_is_not_reused() -> None:
    """A connection that its response closes is not used again."""
    made, owner = connection()
    made.data_received(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
    assert (owner.answers, made.usable) == ([(200, b"{}", True)], False)
    assert made.transport
    assert made.transport.close.called


@pytest.mark.parametrize(
    ("error", "aborted", "reason"),
    [
        (None, "", "ConnectionClosed"),
        (ConnectionResetError(), "", "ConnectionReset"),
        (BrokenPipeError(), "", "ConnectionReset"),
        (None, "Timeout", "Timeout"),
    ],
)
def test_the_owner_gets_the_reason_of_a_closed_connection(error: Exception | None, aborted: str, reason: str) -> None:
    made, owner = connection()
    if aborted:
        made.abort(aborted)
    made.connection_lost(error)
    assert (owner.lost_for, made.usable) == ([reason], False)


def test_the_servers_date_is_kept_for_an_unsuccessful_response() -> None:
    """The server's date is kept for a response that is no success."""
    made, owner = connection()
    made.data_received(raw(b"{}", status=400, more="Date: Sat, 31 Jan 2026 12:00:00 GMT\r\n"))
    assert (owner.answers[0][0], made.date) == (400, "sat, 31 jan 2026 12:00:00 gmt")
    assert clock_skew_s(made.date) != 0.0


def test_heads_and_chunks() -> None:
    assert parse_head(b"HTTP/1.1 503 X\r\nConnection: close\r\ncontent-length: 0").close
    assert parse_head(b"HTTP/1.1 204 X").length == 0
    assert ChunkedBody(0).read(b"2\r\nab\r\n") is None
    assert ChunkedBody(2).read(b"xx2\r\nab\r\n0\r\n\r\nrest") == (b"ab", 14)
    with pytest.raises(WireError):
        ChunkedBody(0).read(b"zz\r\n")


def error(name: str, **more: Any) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{name}"} | more).encode()


def cancelled_by(reasons: Any) -> bytes:
    return error("TransactionCanceledException", Message="Transaction cancelled", CancellationReasons=reasons)


def cancelled(*codes: str | None) -> bytes:
    return cancelled_by([{} if code is None else {"Code": code} for code in codes])


@pytest.mark.parametrize(
    ("status", "body", "outcome", "reason"),
    [
        (
            400,
            error("ProvisionedThroughputExceededException"),
            "throttled",
            "ProvisionedThroughputExceededException",
        ),
        (
            400,
            error("ThrottlingException", ThrottlingReasons=[{"reason": "TableWriteKeyRangeThroughputExceeded"}]),
            "throttled",
            "TableWriteKeyRangeThroughputExceeded",
        ),
        (400, error("RequestLimitExceeded", throttlingReasons=[{"reason": "A"}, {"reason": "B"}]), "throttled", "A"),
        (400, error("ThrottlingException", ThrottlingReasons=["odd"]), "throttled", "ThrottlingException"),
        (500, b'{"__type":"ThrottlingException"}', "throttled", "ThrottlingException"),
        (400, error("ConditionalCheckFailedException"), "expected", "ConditionalCheckFailedException"),
        (400, error("TransactionConflictException"), "contention", "TransactionConflictException"),
        (400, error("TransactionInProgressException"), "contention", "TransactionInProgressException"),
        (400, error("AccessDeniedException", Message="no"), "fatal", "AccessDeniedException"),
        (400, error("ValidationException", message="no"), "fatal", "ValidationException"),
        (400, error("ResourceNotFoundException"), "fatal", "ResourceNotFoundException"),
        (500, error("InternalServerError"), "server", "InternalServerError"),
        (503, b"<html>", "server", "HTTP503"),
        (400, b"[]", "invalid", "HTTP400"),
        (400, b"", "invalid", "HTTP400"),
        (400, b"\xff", "invalid", "HTTP400"),
        (400, b'{"__type": 5}', "invalid", "HTTP400"),
        (403, b'{"message": "no"}', "invalid", "HTTP403"),
        (204, b"", "invalid", "HTTP204"),
        (400, b"[" * 100_000, "invalid", "HTTP400"),
        (503, b"[" * 100_000, "server", "HTTP503"),
        (400, cancelled_by(5), "cancelled", "TransactionCanceledException"),
        (400, cancelled_by([5, {"Code": 5}, {"Code": "ThrottlingError"}]), "throttled", "ThrottlingError"),
        (400, error("ReplicatedWriteConflictException"), "contention", "ReplicatedWriteConflictException"),
        (
            400,
            error("ItemCollectionSizeLimitExceededException"),
            "refused",
            "ItemCollectionSizeLimitExceededException",
        ),
        (408, error("RequestTimeoutException"), "server", "RequestTimeoutException"),
        (400, error("LimitExceededException"), "throttled", "LimitExceededException"),
    ],
)
def test_responses_are_classed(status: int, body: bytes, outcome: str, reason: str) -> None:
    assert classify(status, body)[:2] == (outcome, reason)


@pytest.mark.parametrize(
    ("codes", "outcome", "reason"),
    [
        (["None", "ConditionalCheckFailed"], "cancelled", "ConditionalCheckFailed"),
        (["ThrottlingError", "None"], "throttled", "ThrottlingError"),
        (["None", "ProvisionedThroughputExceeded", "ThrottlingError"], "throttled", "ProvisionedThroughputExceeded"),
        (["TransactionConflict", "TransactionConflict"], "contention", "TransactionConflict"),
        (["TransactionConflict", "ThrottlingError"], "cancelled", "TransactionConflict+ThrottlingError"),
        (["ThrottlingError", "TransactionConflict"], "cancelled", "ThrottlingError+TransactionConflict"),
        (["ItemCollectionSizeLimitExceeded", "None"], "cancelled", "ItemCollectionSizeLimitExceeded"),
        (["ValidationError"], "cancelled", "ValidationError"),
        (["None", None], "cancelled", "TransactionCanceledException"),
        ([], "cancelled", "TransactionCanceledException"),
    ],
)
def test_a_cancelled_transaction_is_classed_by_its_reasons(codes: list[str | None], outcome: str, reason: str) -> None:
    """A cancelled transaction is classed by the ordered reasons of its items."""
    assert classify(400, cancelled(*codes)) == (outcome, reason, "Transaction cancelled")


@given(st.sampled_from([400, 403, 413, 500, 503]), st.binary(max_size=40))
def test_every_response_has_a_class(status: int, body: bytes) -> None:
    outcome = classify(status, body)
    assert outcome.kind in OUTCOMES
    assert outcome.kind != "ok"
    assert outcome.reason


@pytest.mark.parametrize("key", ["message", "Message"])
def test_the_service_s_message_is_kept(key: str) -> None:
    assert classify(400, error("AccessDeniedException", **{key: "not you"})).message == "not you"
