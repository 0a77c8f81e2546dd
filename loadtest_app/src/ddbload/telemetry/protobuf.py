# SPDX-License-Identifier: Apache-2.0
"""OTLP's messages in Protobuf's binary encoding, from and to the documents that JSON has.

The encoding is that of https://protobuf.dev/programming-guides/encoding/. Protobuf's own runtime would add 1.5 MB to
the image, for the few messages of a request and its response.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

VARINT, FIXED_64, BLOCK, FIXED_32 = 0, 1, 2, 5
# Bytes of a value, by its wire type.
SIZES = {FIXED_64: 8, FIXED_32: 4}
MOST_VARINT_BYTES = 10
REQUEST, RESPONSE, STATUS = "ExportMetricsServiceRequest", "ExportMetricsServiceResponse", "Status"
_TIMES = {"startTimeUnixNano": (2, "fixed64"), "timeUnixNano": (3, "fixed64")}
_AGGREGATED = {"aggregationTemporality": (2, "enum")}
# Message -> its fields by their name in JSON: the number, and the type or the message. From opentelemetry/proto/ of
# https://github.com/open-telemetry/opentelemetry-proto (collector/metrics/v1/metrics_service.proto,
# metrics/v1/metrics.proto, resource/v1/resource.proto, common/v1/common.proto), and Status from
# https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto. Fields that are not written or read are
# left out.
MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    REQUEST: {"resourceMetrics": (1, "ResourceMetrics")},
    "ResourceMetrics": {"resource": (1, "Resource"), "scopeMetrics": (2, "ScopeMetrics")},
    "Resource": {"attributes": (1, "KeyValue")},
    "KeyValue": {"key": (1, "string"), "value": (2, "AnyValue")},
    "AnyValue": {"stringValue": (1, "string"), "intValue": (3, "int64")},
    "ScopeMetrics": {"scope": (1, "InstrumentationScope"), "metrics": (2, "Metric")},
    "InstrumentationScope": {"name": (1, "string"), "version": (2, "string")},
    "Metric": {
        "name": (1, "string"),
        "description": (2, "string"),
        "unit": (3, "string"),
        "gauge": (5, "Gauge"),
        "sum": (7, "Sum"),
        "histogram": (9, "Histogram"),
        "exponentialHistogram": (10, "ExponentialHistogram"),
    },
    "Gauge": {"dataPoints": (1, "NumberDataPoint")},
    "Sum": {"dataPoints": (1, "NumberDataPoint"), **_AGGREGATED, "isMonotonic": (3, "bool")},
    "Histogram": {"dataPoints": (1, "HistogramDataPoint"), **_AGGREGATED},
    "ExponentialHistogram": {"dataPoints": (1, "ExponentialHistogramDataPoint"), **_AGGREGATED},
    "NumberDataPoint": {
        "attributes": (7, "KeyValue"),
        **_TIMES,
        "asDouble": (4, "double"),
        "asInt": (6, "sfixed64"),
    },
    "HistogramDataPoint": {
        "attributes": (9, "KeyValue"),
        **_TIMES,
        "count": (4, "fixed64"),
        "sum": (5, "double"),
        "bucketCounts": (6, "fixed64"),
        "explicitBounds": (7, "double"),
    },
    "ExponentialHistogramDataPoint": {
        "attributes": (1, "KeyValue"),
        **_TIMES,
        "count": (4, "fixed64"),
        "sum": (5, "double"),
        "scale": (6, "sint32"),
        "zeroCount": (7, "fixed64"),
        "positive": (8, "Buckets"),
    },
    "Buckets": {"offset": (1, "sint32"), "bucketCounts": (2, "uint64")},
    RESPONSE: {"partialSuccess": (1, "ExportMetricsPartialSuccess")},
    "ExportMetricsPartialSuccess": {"rejectedDataPoints": (1, "int64"), "errorMessage": (2, "string")},
    STATUS: {"message": (2, "string")},
}


def encode(document: Mapping[str, Any], message: str = REQUEST) -> bytes:
    """Return a document as a message.

    Args:
        document: as for JSON: names in lowerCamelCase, numbers of 64 bits as text or numbers. A lone surrogate in a
            text becomes a question mark, since a message's text is UTF-8.
        message: its name in ``MESSAGES``.

    Raises:
        KeyError: the message has no such field.
        struct.error: a number is out of its type's range.
    """
    fields = MESSAGES[message]
    return b"".join(_field(*fields[name], value) for name, value in document.items())


def decode(data: bytes, message: str) -> dict[str, Any]:
    """Return a message as a document, with numbers as such; of a field that is there twice, the last.

    Fields of other types than message, string and int64 are left out, as are those that ``MESSAGES`` does not have.

    Raises:
        ValueError: the bytes are no such message.
    """
    names = {number: (name, kind) for name, (number, kind) in MESSAGES[message].items()}
    document: dict[str, Any] = {}
    at = 0
    while at < len(data):
        tag, at = _varint_at(data, at)
        name, kind = names.get(tag >> 3, ("", ""))
        wire_type = tag & 7
        if wire_type == VARINT:
            number, at = _varint_at(data, at)
            if kind == "int64":
                document[name] = number - (1 << 64) if number >> 63 else number
        elif wire_type == BLOCK:
            size, at = _varint_at(data, at)
            block, at = data[at : at + size], at + size
            if kind == "string":
                document[name] = block.decode()
            elif kind in MESSAGES:
                document[name] = decode(block, kind)
        elif wire_type in SIZES:
            at += SIZES[wire_type]
        else:
            raise ValueError("no wire type of Protobuf 3")
    if at > len(data):
        raise ValueError("the message is cut short")
    return document


def _field(number: int, kind: str, value: Any) -> bytes:
    if kind in MESSAGES:
        return b"".join(_block(number, encode(each, kind)) for each in (value if isinstance(value, list) else [value]))
    if kind == "string":
        return _block(number, value.encode(errors="replace"))
    wire_type, written = NUMBERS[kind]
    if isinstance(value, list):
        return _block(number, b"".join(map(written, value))) if value else b""
    return _varint(number << 3 | wire_type) + written(value)


def _block(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | BLOCK) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    """Return a number in as few bytes as it needs; a negative one in ten, as the two's complement of 64 bits."""
    number &= (1 << 64) - 1
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a position, and the position behind it."""
    number = 0
    for index, byte in enumerate(data[at : at + MOST_VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number & (1 << 64) - 1, at + index + 1
    raise ValueError("a number has no end")


def _packed(form: str, kind: Callable[[Any], float]) -> Callable[[Any], bytes]:
    return lambda value: struct.pack(form, kind(value))


# Type -> its wire type, and what writes a value.
NUMBERS: Mapping[str, tuple[int, Callable[[Any], bytes]]] = {
    **dict.fromkeys(("bool", "enum", "int64", "uint64"), (VARINT, lambda value: _varint(int(value)))),
    # Zigzag, so that small negative numbers are short.
    "sint32": (VARINT, lambda value: _varint(value << 1 ^ value >> 31)),
    "fixed64": (FIXED_64, _packed("<Q", int)),
    "sfixed64": (FIXED_64, _packed("<q", int)),
    "double": (FIXED_64, _packed("<d", float)),
}
