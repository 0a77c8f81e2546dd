# SPDX-License-Identifier: Apache-2.0
"""What a collector says in a response.

By https://opentelemetry.io/docs/specs/otlp/#otlphttp-response it is a message in the request's encoding. A proxy, or a
receiver that does not know the encoding, responds with other text.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ddbload.telemetry import protobuf

PROTOBUF, JSON, TEXT = "application/x-protobuf", "application/json", "text/plain"
MOST_REJECTED = 1 << 63


class Said(NamedTuple):
    """What a response says.

    Attributes:
        rejected: data points that were not taken, of a request that was accepted.
        text: for people, as it came; empty where nothing can be read.
    """

    rejected: int = 0
    text: str = ""


def read(status: int, content_type: str, data: bytes) -> Said:
    """Return what a response says; of any other bytes, nothing.

    Args:
        status: of HTTP; 200 has an ExportMetricsServiceResponse, any other a Status.
        content_type: value of the header; empty where there is none.
        data: the body.
    """
    is_accepted = status == 200
    kind = content_type.partition(";")[0].strip().lower()
    document = _document(kind, data, protobuf.RESPONSE if is_accepted else protobuf.STATUS)
    if not is_accepted:
        return Said(0, _text(document.get("message")) or (_plain(data) if kind == TEXT else ""))
    partial = document.get("partialSuccess")
    if not isinstance(partial, dict):
        return Said()
    return Said(_count(partial.get("rejectedDataPoints")), _text(partial.get("errorMessage")))


def _document(kind: str, data: bytes, message: str) -> dict[str, Any]:
    try:
        document = protobuf.decode(data, message) if kind == PROTOBUF else json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _plain(data: bytes) -> str:
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int:
    try:
        count = int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return count if 0 < count < MOST_REJECTED else 0
