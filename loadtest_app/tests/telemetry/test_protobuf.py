# SPDX-License-Identifier: Apache-2.0
"""OTLP's messages in Protobuf's binary encoding, judged by Protobuf's own runtime and OpenTelemetry's messages."""

import json
from typing import Any

import collector
import pytest
from ddbload.telemetry import document, protobuf
from ddbload.telemetry.figures import Figures
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from test_metrics_document import LATENCIES, SUBJECT, progress

# As Protobuf's runtime numbers the types.
TYPES = {
    getattr(FieldDescriptor, f"TYPE_{name.upper()}"): name
    for name in ("double", "int64", "uint64", "fixed64", "bool", "string", "enum", "sfixed64", "sint32")
}
SIGNED, UNSIGNED = st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1)
VALUES = {
    "bool": st.booleans(),
    "enum": st.sampled_from([0, document.DELTA, document.CUMULATIVE]),
    "string": st.text(max_size=300),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "sint32": st.integers(-(2**31), 2**31 - 1),
    **dict.fromkeys(("int64", "sfixed64"), SIGNED.map(str)),
    **dict.fromkeys(("uint64", "fixed64"), UNSIGNED.map(str)),
}


def fields(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    """Return the fields of OpenTelemetry's message that the table has."""
    return {name: one for one in descriptor.fields if (name := one.json_name) in protobuf.MESSAGES[descriptor.name]}


@st.composite
def documents(draw: Any, descriptor: Descriptor = ExportMetricsServiceRequest.DESCRIPTOR) -> dict[str, Any]:
    """Draw a document with any of a message's fields; of alternatives one at most."""
    found: dict[str, Any] = {}
    known = fields(descriptor)
    alternatives = {one.name: [each.json_name for each in one.fields] for one in descriptor.oneofs}
    chosen = {
        name: draw(st.sampled_from(names))
        for name, each in alternatives.items()
        if (names := sorted(known.keys() & each))
    }
    for name, field in known.items():
        oneof = field.containing_oneof
        if draw(st.integers(0, 5)) == 0 or (oneof and chosen[oneof.name] != name):
            continue
        value = documents(field.message_type) if field.message_type else VALUES[TYPES[field.type]]
        found[name] = draw(st.lists(value, max_size=2) if field.is_repeated else value)
    return found


def judged(given_document: dict[str, Any]) -> tuple[Any, Any]:
    """Return what Protobuf makes of the bytes and of the JSON."""
    body = json.loads(json.dumps(given_document))
    return ExportMetricsServiceRequest.FromString(protobuf.encode(given_document)), collector.read(body)


def test_the_table_is_that_of_opentelemetry() -> None:
    """Every number and type; each message is reached from a request, a response or a status."""
    reached, open_ = set(), [ExportMetricsServiceRequest, ExportMetricsServiceResponse, collector.Status]
    descriptors = [message.DESCRIPTOR for message in open_]
    while descriptors:
        descriptor = descriptors.pop()
        reached.add(descriptor.name)
        inner = [one.message_type for one in fields(descriptor).values() if one.message_type]
        descriptors += [one for one in inner if one.name not in reached]
        wanted = {
            name: (one.number, one.message_type.name if one.message_type else TYPES[one.type])
            for name, one in fields(descriptor).items()
        }
        assert protobuf.MESSAGES[descriptor.name] == wanted
    assert reached == set(protobuf.MESSAGES)


@given(st.lists(LATENCIES, min_size=1, max_size=3), st.booleans(), st.booleans())
def test_a_request_is_the_same_in_both_encodings(
    seconds: list[list[int]], is_delta: bool, is_exponential: bool
) -> None:
    whole = Figures()
    for number, values in enumerate(seconds, 1):
        whole.add(progress(number, values, sent=len(values), throttled={"TableReadX": number}))
    binary, text = judged(document.document(whole, SUBJECT, is_delta, is_exponential))
    assert binary == text and binary.resource_metrics


@given(documents())
def test_any_document_is_the_same_in_both_encodings(given_document: dict[str, Any]) -> None:
    """Also with the least and the greatest numbers, with empty texts and lists, and with a field left out."""
    binary, text = judged(given_document)
    assert binary == text


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2**31, 2**63 - 1, -1, -(2**63)])
def test_numbers_at_the_limits_of_their_bytes(number: int) -> None:
    data = protobuf.encode({"partialSuccess": {"rejectedDataPoints": str(number)}}, protobuf.RESPONSE)
    assert ExportMetricsServiceResponse.FromString(data).partial_success.rejected_data_points == number
    assert protobuf.decode(data, protobuf.RESPONSE) == {"partialSuccess": {"rejectedDataPoints": number}}


def test_a_text_that_is_not_unicode_is_sent_all_the_same() -> None:
    """The environment may hold any bytes; Python has them as lone surrogates."""
    data = protobuf.encode({"name": "caf\udce9"}, "InstrumentationScope")
    assert data == b"\n\x04caf?"


def test_an_empty_list_takes_no_bytes() -> None:
    """As the runtime writes it: a parser may expect a number in each block."""
    assert protobuf.encode({"bucketCounts": []}, "Buckets") == b""


def test_a_field_that_the_table_lacks_is_an_error() -> None:
    with pytest.raises(KeyError):
        protobuf.encode({"schemaUrl": ""}, "ScopeMetrics")


@given(SIGNED, st.text(), st.lists(st.binary(), max_size=2))
def test_responses_of_the_runtime_are_read(number: int, text: str, details: list[bytes]) -> None:
    """With defaults left out, and with fields that ddbload does not read."""
    message = ExportMetricsServiceResponse()
    message.partial_success.rejected_data_points, message.partial_success.error_message = number, text
    partial = {name: value for name, value in (("rejectedDataPoints", number), ("errorMessage", text)) if value}
    assert protobuf.decode(message.SerializeToString(), protobuf.RESPONSE) == {"partialSuccess": partial}
    status = collector.Status(code=13, message=text, details=details)
    assert protobuf.decode(status.SerializeToString(), protobuf.STATUS) == ({"message": text} if text else {})


@given(st.binary(max_size=60))
def test_bytes_that_protobuf_refuses_are_refused(data: bytes) -> None:
    """What the runtime reads, ddbload reads alike; of other bytes it says that they are no message, or skips them."""
    try:
        found = protobuf.decode(data, protobuf.STATUS)
    except ValueError:
        found = None
    try:
        wanted = collector.Status.FromString(data)
    except collector.DecodeError:
        return
    if found is not None:
        assert found.get("message", "") == json_format.MessageToDict(wanted).get("message", "")


@pytest.mark.parametrize("data", [b"\x12", b"\x12\x05ab", b"\x80", b"\xff" * 11, b"\x13", b"\x12\x01\xff", b"\x0d\x01"])
def test_a_message_that_is_cut_short_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        protobuf.decode(data, protobuf.STATUS)
