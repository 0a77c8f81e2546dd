# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An error in the shape that the caller's protocol wants, so that an AWS SDK shows its code and its message."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

# Services of the protocol REST-XML, by their names in a request's signature.
REST_XML = re.compile(r"/(s3|cloudfront|route53)/aws4_request")
JSON, CBOR, XML = "application/json", "application/cbor", "text/xml"


@dataclass(frozen=True)
class Answer:
    """An answer of HTTP's."""

    status: int
    headers: dict[str, str]
    body: bytes


def error(status: int, code: str, message: str, request_headers: Mapping[str, str]) -> Answer:
    """Build an error.

    Args:
        status: of HTTP.
        code: of AWS, as the JSON protocols have it.
        message: one line.
        request_headers: of the request, names in lower case.
    """
    content_type = request_headers.get("content-type", "")
    if "cbor" in content_type or request_headers.get("smithy-protocol") == "rpc-v2-cbor":
        # https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
        body, kind = _cbor({"__type": code, "message": message}), CBOR
    elif content_type.startswith("application/x-www-form-urlencoded"):
        # The Query protocol's and EC2's at once: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
        body = f"<Response><Errors><Error>{_fields(code, message)}</Error></Errors></Response>".encode()
        kind = XML
    elif found := REST_XML.search(request_headers.get("authorization", "")):
        # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; Smithy wraps it for all but S3:
        # https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html#operation-error-serialization
        text = f"<Error>{_fields(code, message)}</Error>"
        body, kind = (text if found[1] == "s3" else f"<ErrorResponse>{text}</ErrorResponse>").encode(), XML
    else:
        body, kind = json.dumps({"__type": code, "message": message}).encode(), JSON
    headers = {"content-type": kind, "x-amzn-errortype": code, "cache-control": "no-store"}
    if kind == CBOR:
        headers["smithy-protocol"] = "rpc-v2-cbor"
    return Answer(status, headers, body)


def _fields(code: str, message: str) -> str:
    return f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"


def _cbor(texts: Mapping[str, str]) -> bytes:
    """Encode a short map of texts: https://www.rfc-editor.org/rfc/rfc8949.html#section-3."""
    return bytes([0xA0 | len(texts)]) + b"".join(_cbor_text(text) for pair in texts.items() for text in pair)


def _cbor_text(text: str) -> bytes:
    data = text.encode()
    return b"\x79" + len(data).to_bytes(2) + data
