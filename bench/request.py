# SPDX-License-Identifier: Apache-2.0
"""One signed PutItem as a file, for clients that send the same bytes again and again."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench.clients import workload

SERVICE = "dynamodb"


def write(path: Path, url: str, region: str, access_key: str, secret_key: str) -> None:
    """Write headers, one ``name: value`` a line, an empty line, and the body.

    The signature is AWS's version 4, as
    https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html describes it.
    """
    document = {"TableName": workload.TABLE, "ReturnConsumedCapacity": "TOTAL", "Item": workload.typed_item(0)}
    body = json.dumps(document, separators=(",", ":")).encode()
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": urlsplit(url).netloc,
        "x-amz-date": date,
        "x-amz-target": "DynamoDB_20120810.PutItem",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{date[:8]}/{region}/{SERVICE}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    signature = _hmac(key, to_sign).hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    head = "".join(f"{name}: {value}\n" for name, value in headers.items())
    path.write_bytes(head.encode() + b"\n" + body)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
