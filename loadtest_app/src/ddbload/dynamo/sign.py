# SPDX-License-Identifier: Apache-2.0
"""AWS Signature Version 4 for DynamoDB's requests: the parts that repeat are computed once a second.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import hashlib
import time
from binascii import hexlify
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

API = "DynamoDB_20120810"

if TYPE_CHECKING:
    from hashlib import _Hash

SERVICE = "dynamodb"
CONTENT_TYPE = "application/x-amz-json-1.0"
BLOCK = 64
payload_hash = hashlib.sha256().copy
# AWS refuses signatures that are five minutes off; a minute is worth a warning.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
NOTICED_SKEW_S = 60.0
# Requests that were signed before a correction get their response within this time.
CORRECTION_NS = 10_000_000_000


@dataclass(frozen=True)
class Credentials:
    """Access key, secret and, for temporary ones, the session token."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Credentials({self.access_key[:4]}…)"


class _Head(NamedTuple):
    """What all requests to one target within one second share: a copy of each hash, and the format of the request.

    Attributes:
        canonical: of the canonical request, up to the payload's hash.
        inner: HMAC's inner hash, up to the canonical request's hash.
        outer: HMAC's outer hash, up to the inner one.
        template: of signature, length of the body, and body.
    """

    canonical: Callable[[], _Hash]
    inner: Callable[[], _Hash]
    outer: Callable[[], _Hash]
    template: bytes


class Signer:
    """Builds whole signed requests: POST with a JSON body, to the endpoint's path."""

    def __init__(self, host: str, region: str, credentials: Credentials, path: str = "/") -> None:
        self.host = host
        self.path = quote(path, safe="/%~")
        # The canonical request encodes the path of the request line a second time.
        self._canonical_path = quote(_without_dots(self.path), safe="/~")
        self.region = region
        self.credentials = credentials
        # By how many seconds AWS's clock is ahead of this machine's.
        self.skew_s = 0.0
        self.clock_corrections = 0
        self._corrected_ns = 0
        self._second = -1
        self._heads: dict[str, _Head] = {}

    def renew(self, credentials: Credentials) -> None:
        """Sign with other credentials from now on."""
        self.credentials = credentials
        self._second = -1
        self.at_now()

    def correct_clock(self, date: str, now_ns: int) -> bool:
        """Sign by AWS's clock from now on, after AWS refused a signature by this machine's.

        Args:
            date: the Date header of the refusal.
            now_ns: the present instant, in nanoseconds of any one clock.

        Returns:
            Whether the clock explains the refusal: it is corrected now, or was just after the request was signed.
        """
        if self._corrected_ns:
            return now_ns - self._corrected_ns < CORRECTION_NS
        skew_s = clock_skew_s(date)
        if not skew_s:
            return False
        self._corrected_ns = now_ns
        self.clock_corrections += 1
        self.skew_s = skew_s
        self.at_now()
        return True

    def at_now(self) -> None:
        """Set the time of signing to now, by AWS's clock."""
        second = int(time.time() + self.skew_s)
        if second != self._second:
            self.at(second)

    def at(self, second: int) -> None:
        """Set the time of signing, in seconds since the epoch."""
        if second == self._second:
            return
        self._second = second
        self._heads.clear()
        now = time.gmtime(second)
        self._date = time.strftime("%Y%m%dT%H%M%SZ", now)
        self._scope = f"{self._date[:8]}/{self.region}/{SERVICE}/aws4_request"
        self._inner, self._outer = self._signing_key(self._date[:8])

    def request(self, target: str, body: bytes) -> bytes:
        """Return the bytes of a signed request.

        Args:
            target: the value of X-Amz-Target, for example ``DynamoDB_20120810.PutItem``.
            body: the JSON document.
        """
        canonical_hash, inner_hash, outer_hash, template = self._heads.get(target) or self._build(target)
        # OpenSSL copies a hash in less time than it begins one.
        payload = payload_hash()
        payload.update(body)
        canonical = canonical_hash()
        canonical.update(hexlify(payload.digest()))
        inner = inner_hash()
        inner.update(hexlify(canonical.digest()))
        outer = outer_hash()
        outer.update(inner.digest())
        return template % (hexlify(outer.digest()), len(body), body)

    def _signing_key(self, day: str) -> tuple[_Hash, _Hash]:
        key = f"AWS4{self.credentials.secret_key}".encode()
        for part in (day, self.region, SERVICE, "aws4_request"):
            inner, outer = _hmac_states(key)
            inner.update(part.encode())
            outer.update(inner.digest())
            key = outer.digest()
        return _hmac_states(key)

    def _build(self, target: str) -> _Head:
        headers = {"content-type": CONTENT_TYPE, "host": self.host, "x-amz-date": self._date}
        if self.credentials.token:
            headers["x-amz-security-token"] = self.credentials.token
        headers["x-amz-target"] = target
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        inner = self._inner.copy()
        inner.update(f"AWS4-HMAC-SHA256\n{self._date}\n{self._scope}\n".encode())
        sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        authorization = (
            f"authorization: AWS4-HMAC-SHA256 Credential={self.credentials.access_key}/{self._scope}, "
            f"SignedHeaders={names}, Signature="
        )
        before_signature = f"POST {self.path} HTTP/1.1\r\n{sent}{authorization}".encode()
        head = self._heads[target] = _Head(
            canonical=hashlib.sha256(f"POST\n{self._canonical_path}\n\n{lines}\n{names}\n".encode()).copy,
            inner=inner.copy,
            outer=self._outer.copy,
            template=before_signature.replace(b"%", b"%%") + b"%b\r\ncontent-length: %d\r\n\r\n%b",
        )
        return head


def clock_skew_s(date: str | None) -> float:
    """Return by how many seconds AWS's clock is ahead of this machine's; 0 if unknown, or below a minute.

    Args:
        date: the Date header of a response that has just come.
    """
    if not date:
        return 0.0
    try:
        skew_s = (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return skew_s if abs(skew_s) > NOTICED_SKEW_S else 0.0


def _without_dots(path: str) -> str:
    """Return a path without empty segments and those that are . or .. (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{end}"


def _hmac_states(key: bytes) -> tuple[_Hash, _Hash]:
    """Return HMAC-SHA256's inner and outer hash (RFC 2104), fed with the key and ready to be copied."""
    if len(key) > BLOCK:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(BLOCK, b"\0")
    return (
        hashlib.sha256(bytes(byte ^ 0x36 for byte in padded)),
        hashlib.sha256(bytes(byte ^ 0x5C for byte in padded)),
    )
