# SPDX-License-Identifier: Apache-2.0
"""What a collector's response says, in its encodings, as text, and as rubbish."""

import json

import pytest
from collector import JSON, PROTOBUF, Collector
from ddbload.telemetry import protobuf, response
from ddbload.telemetry.sender import Sender
from ddbload.telemetry.settings import Settings
from hypothesis import given
from hypothesis import strategies as st

PARTIAL = {"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "too old"}}
KINDS = st.sampled_from([JSON, PROTOBUF, "text/plain; charset=utf-8", "text/html", ""])
STATUS = {"message": "too busy"}


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", ""])
def test_responses_in_json(kind: str) -> None:
    assert response.read(200, kind, json.dumps(PARTIAL).encode()) == (3, "too old")
    assert response.read(503, kind, json.dumps(STATUS).encode()) == (0, "too busy")
    assert response.read(200, kind, b"{}") == (0, "")


def test_responses_in_protobuf() -> None:
    assert response.read(200, PROTOBUF, protobuf.encode(PARTIAL, protobuf.RESPONSE)) == (3, "too old")
    assert response.read(503, PROTOBUF, protobuf.encode(STATUS, protobuf.STATUS)) == (0, "too busy")
    assert response.read(200, PROTOBUF, b"") == (0, "")


def test_an_error_may_be_plain_text() -> None:
    """That of a page for a browser says nothing in a line."""
    assert response.read(400, "text/plain; charset=utf-8", b"use protobuf\n") == (0, "use protobuf")
    assert response.read(400, "text/plain", b'{"message": "too busy"}') == (0, "too busy")
    assert response.read(400, "text/html", b"<p>use protobuf</p>") == (0, "")
    assert response.read(200, "text/plain", b"rejected") == (0, "")


@given(st.sampled_from([200, 400, 503]), KINDS | st.text(), st.binary(max_size=60))
def test_any_bytes_are_a_response(status: int, kind: str, data: bytes) -> None:
    said = response.read(status, kind, data)
    assert isinstance(said.text, str) and said.rejected >= 0


@pytest.mark.parametrize("count", ["-1", "Infinity", "NaN", "1e400", "[]", '"x"', "null", "9" * 400])
def test_a_count_that_is_none_is_not_reported(count: str) -> None:
    data = f'{{"partialSuccess": {{"rejectedDataPoints": {count}}}}}'.encode()
    assert response.read(200, JSON, data) == (0, "")
    assert response.read(200, JSON, b'{"partialSuccess": 5}') == (0, "")


@pytest.mark.parametrize(
    ("is_json", "status", "headers", "body", "wanted"),
    [
        (False, 503, {}, {"message": "too\nbusy"}, "HTTP 503: too busy -> look into the collector's log"),
        (False, 400, {"Content-Type": "text/plain"}, b"no\r\n gauges\n", "HTTP 400: no gauges -> check the URL"),
        (False, 400, {}, b"\xff\xfe\x00", "HTTP 400 -> check the URL's path, and look into"),
        (False, 502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>", "HTTP 502 -> look into"),
        (False, 415, {}, {}, "HTTP 415 -> set OTEL_EXPORTER_OTLP_PROTOCOL to http/json, if the collector takes that"),
        (True, 415, {}, {}, "HTTP 415 -> set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf, or look into"),
        (
            True,
            400,
            {"Content-Type": "text/plain"},
            b"Use protobuf",
            "HTTP 400: Use protobuf -> set OTEL_EXPORTER_OTLP",
        ),
        (True, 200, {}, PARTIAL, "rejected 3 data points: too old -> look into the collector's log"),
        (False, 400, {}, {"message": "bad token s3cret"}, "HTTP 400 -> check the URL's path, and look into"),
        (
            False,
            400,
            {"Content-Type": "text/plain"},
            b"bad token s3cret",
            "HTTP 400 -> check the URL's path, and look into",
        ),
        (
            False,
            200,
            {},
            {"partialSuccess": {"rejectedDataPoints": 1, "errorMessage": "s3cret"}},
            "1 data points -> look",
        ),
    ],
)
def test_the_line_of_a_problem(is_json: bool, status: int, headers: dict[str, str], body: object, wanted: str) -> None:
    """One line, without a secret, with what to do."""
    with Collector(status, body) as collector:
        collector.headers = headers
        sender = Sender(Settings(f"{collector.url}/v1/metrics", {"x-key": "s3cret"}, is_json=is_json))
        assert sender.post({"resourceMetrics": []}) is (status == 200)
    assert len(collector.requests) == 1 and (sender.sent, sender.failed) == (0, 1)
    assert sender.problem.startswith(f"{collector.url}/v1/metrics ") and wanted in sender.problem
    assert "s3cret" not in sender.problem and "\n" not in sender.problem
