# SPDX-License-Identifier: Apache-2.0
"""The endpoint, the credentials and the table: found once, before the load starts."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ddbload.dynamo.credential_chain import (
    CertificatesError,
    CredentialsError,
    certificates,
    load_credentials,
    new_session,
)
from ddbload.dynamo.responses import codes
from ddbload.dynamo.responses.documents import InvalidAnswer, read_object
from ddbload.dynamo.responses.errors import RETRYABLE, Outcome, classify
from ddbload.dynamo.sign import API, Credentials, Signer, clock_skew_s
from ddbload.dynamo.table import KeyAttribute

READ_TIMEOUT_S = 5
# Limits of a whole response: a table's description has some 100 KB at most.
RESPONSE_TIMEOUT_S = 15
LARGEST_RESPONSE_BYTES = 4 << 20
ATTEMPTS = 3
RETRY_WAITS_S = (0.1, 0.4)
# For the states of a table that waiting does not end.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
STATUS_REMEDIES = {
    "INACCESSIBLE_ENCRYPTION_CREDENTIALS": "give DynamoDB the use of the table's KMS key back within seven days, "
    "before it archives the table",
    "ARCHIVING": "its KMS key was out of reach for seven days: restore it from its backup, under a new name",
    "ARCHIVED": "its KMS key was out of reach for seven days: restore it from its backup, under a new name",
    "REPLICATION_NOT_AUTHORIZED": "give the table's replicas their permissions for replication back",
    "DELETING": "deploy it again once it is gone",
}
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


class TargetError(Exception):
    """The table cannot be tested; the text says what, where and how to fix it."""


class SettingsError(TargetError):
    """A setting of the endpoint is wrong, for any table."""


@dataclass(frozen=True)
class Target:
    """A table that can be tested."""

    url: str
    region: str
    table: dict[str, Any]
    key: list[KeyAttribute]
    # Secondary index -> its key's attributes, hash keys first, of which there may be four of each kind.
    indexes: dict[str, list[KeyAttribute]]
    clock_skew_s: float
    session_credentials: Any
    # Those of the indexes that are global, and so never strongly consistent.
    global_indexes: frozenset[str] = frozenset()
    # Secondary index -> the names of its hash keys: a query has to give a value to each.
    hash_keys: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def tls(self) -> bool:
        """Whether the endpoint speaks TLS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def host(self) -> str:
        """The endpoint's host name."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The endpoint's port."""
        return urlsplit(self.url).port or (443 if self.tls else 80)

    @property
    def provisioned(self) -> bool:
        """Whether the table's capacity is provisioned, and so paid for by the hour."""
        return bool(self.table["billing_mode"] == "PROVISIONED")

    def signer(self) -> Signer:
        """Return a signer with the present credentials and AWS's clock."""
        signer = Signer(_host_header(self.url), self.region, self.credentials(), path_of(self.url))
        signer.skew_s = self.clock_skew_s
        return signer

    def credentials(self) -> Credentials:
        """Return the present credentials; may request new ones, so call it off the hot path."""
        return _frozen(self.session_credentials)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the TLS context, with the certificates of AWS_CA_BUNDLE where it is set; None without TLS."""
        return _tls_context(self.url)


class _Refused(Exception):
    """DescribeTable failed."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.name = outcome.reason
        self.message = outcome.message


def open_target(table: str, endpoint_url: str | None, region: str | None, environment: Mapping[str, str]) -> Target:
    """Find the endpoint, the credentials and the table.

    Args:
        table: the table's name.
        endpoint_url: overrides AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL and the region's own.
        region: overrides AWS_REGION, AWS_DEFAULT_REGION and the profile's.
        environment: of the process.

    Raises:
        TargetError: one of them was not found.
    """
    import botocore.exceptions as failures  # an eighth of a second that --help and report do not need

    region = region or _first(environment, REGION_VARIABLES)
    url = endpoint_url or _first(environment, ENDPOINT_VARIABLES)
    if url:
        check_url(url)
    where = url or region
    try:
        session = new_session(region)
        credentials = load_credentials(session)
        if not url or not region:
            # Reads profiles, partitions and variants: not needed where both are known.
            client: Any = session.create_client("dynamodb", region_name=region, endpoint_url=url)
            url, region = str(client.meta.endpoint_url), str(client.meta.region_name)
        check_url(url)
        where = url
        signer = Signer(_host_header(url), region, _frozen(credentials), path_of(url))
        description, skew_s = _describe(url, table, signer)
    except failures.NoRegionError as error:
        raise TargetError("no AWS region is known: set AWS_REGION or give --region") from error
    except failures.ProfileNotFound as error:
        raise TargetError(f"{error}: set AWS_PROFILE to a profile of ~/.aws/config") from error
    except (CredentialsError, CertificatesError) as error:
        raise TargetError(str(error)) from error
    except _Refused as error:
        raise TargetError(_explain(error, table, str(where))) from error
    except ssl.SSLCertVerificationError as error:
        raise TargetError(
            f"DynamoDB at {where} shows a certificate that is not trusted ({error.verify_message}): check the "
            "endpoint, or set AWS_CA_BUNDLE to the certificates of who signed it"
        ) from error
    except (failures.BotoCoreError, http.client.HTTPException, ValueError) as error:
        raise TargetError(f"DynamoDB at {where} cannot be reached: {error}") from error
    except OSError as error:
        raise TargetError(
            f"DynamoDB at {where} does not answer ({error}): check the endpoint, and the way out of the subnet"
        ) from error
    status = description.get("TableStatus")
    if status not in ("ACTIVE", "UPDATING"):
        remedy = STATUS_REMEDIES.get(str(status), "wait, then run again")
        raise TargetError(f"table {table} at {where} is {status}, not ACTIVE: {remedy}")
    try:
        return _target(table, url, region, description, skew_s, credentials)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise TargetError(
            f"DynamoDB at {where} describes table {table} as DynamoDB never does ({type(error).__name__}: {error}): "
            "check the endpoint"
        ) from error


def _target(
    table: str, url: str, region: str, description: Mapping[str, Any], skew_s: float, credentials: Any
) -> Target:
    types = {item["AttributeName"]: item["AttributeType"] for item in description["AttributeDefinitions"]}
    for name in types:
        # Raises where it is no text, or one with halves of characters.
        str.encode(name)

    def attributes(schema: list[dict[str, str]]) -> list[KeyAttribute]:
        return [KeyAttribute(item["AttributeName"], types[item["AttributeName"]]) for item in schema]

    kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    schemas = {
        str(index["IndexName"]): sorted(index["KeySchema"], key=lambda element: str(element["KeyType"]) != "HASH")
        for kind in kinds
        for index in description.get(kind) or []
    }
    kinds_of_key = [element["KeyType"] for element in description["KeySchema"]]
    if kinds_of_key not in (["HASH"], ["HASH", "RANGE"]):
        raise ValueError(f"its key schema is {kinds_of_key!r:.60}")
    key = attributes(description["KeySchema"])
    if len({attribute.name for attribute in key}) < len(key):
        raise ValueError(f"its key has {key[0].name} twice")
    warm, provisioned = description.get("WarmThroughput") or {}, description.get("ProvisionedThroughput") or {}
    return Target(
        url=url,
        region=region,
        table={
            "name": table,
            "status": description["TableStatus"],
            "billing_mode": description.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "key_schema": [{"name": attribute.name, "type": attribute.type} for attribute in key],
            "indexes": list(schemas),
            "item_count": description.get("ItemCount", 0),
            "provisioned": _throughput(provisioned, "ReadCapacityUnits", "WriteCapacityUnits"),
            "warm_throughput": _throughput(warm, "ReadUnitsPerSecond", "WriteUnitsPerSecond"),
        },
        key=key,
        indexes={name: attributes(schema) for name, schema in schemas.items()},
        hash_keys={
            name: [str(element["AttributeName"]) for element in schema if element["KeyType"] == "HASH"]
            for name, schema in schemas.items()
        },
        global_indexes=frozenset(index["IndexName"] for index in description.get(kinds[0]) or []),
        clock_skew_s=skew_s,
        session_credentials=credentials,
    )


def _throughput(description: Mapping[str, Any], read: str, write: str) -> dict[str, int] | None:
    if not description.get(read) and not description.get(write):
        return None
    return {"read_units": int(description.get(read, 0)), "write_units": int(description.get(write, 0))}


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)


def check_url(url: str) -> None:
    """Refuse an endpoint that is no HTTP URL, or holds a secret: logs and results show it.

    Raises:
        SettingsError: with no part of the address in it.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(
            "the endpoint's URL is none of HTTP: give --endpoint-url, AWS_ENDPOINT_URL or the profile's endpoint_url "
            "as https://host:port"
        )
    if "@" in parts.netloc:
        raise SettingsError(
            "the endpoint's URL has a user or a password in it, which DynamoDB does not use: take it out of "
            "--endpoint-url, AWS_ENDPOINT_URL or the profile's endpoint_url"
        )


def path_of(url: str) -> str:
    """Return the path that requests to an endpoint go to.

    Raises:
        ValueError: the endpoint has more than a host, a port and a path.
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError("an endpoint has no query and no fragment: leave them out")
    return parts.path or "/"


def _host_header(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _tls_context(url: str) -> ssl.SSLContext | None:
    if urlsplit(url).scheme != "https":
        return None
    return certificates(os.environ.get("AWS_CA_BUNDLE"))


def _frozen(session_credentials: Any) -> Credentials:
    frozen = session_credentials.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def _describe(url: str, table: str, signer: Signer) -> tuple[dict[str, Any], float]:
    """Return the table's description, and by how many seconds AWS's clock is ahead of this machine's."""
    body = json.dumps({"TableName": table}).encode()
    for attempt in range(ATTEMPTS):
        signer.at_now()
        status, answer, date = exchange(url, signer.request(f"{API}.DescribeTable", body))
        if status == 200:
            return _description(answer), signer.skew_s or clock_skew_s(date)
        outcome = classify(status, answer)
        if outcome.kind == "invalid":
            shown = answer[:60].decode("utf-8", "replace")
            raise http.client.HTTPException(f"it answers HTTP {status} with no JSON document of an error: {shown!r}")
        if outcome.reason in codes.CLOCK and not signer.skew_s:
            signer.skew_s = clock_skew_s(date)
            if not signer.skew_s:
                break
        elif outcome.kind not in RETRYABLE:
            break
        elif attempt + 1 < ATTEMPTS:
            time.sleep(RETRY_WAITS_S[attempt])
    raise _Refused(outcome)


def _description(answer: bytes) -> dict[str, Any]:
    try:
        description = read_object(answer).get("Table")
    except InvalidAnswer as error:
        raise http.client.HTTPException(f"it answers DescribeTable with {error}") from error
    if not isinstance(description, dict):
        raise http.client.HTTPException("it answers DescribeTable without a description of a table")
    return description


def exchange(url: str, request: bytes) -> tuple[int, bytes, str | None]:
    """Send a request and read its response, on a connection of its own: status, body and Date."""
    parts, context = urlsplit(url), _tls_context(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=READ_TIMEOUT_S, context=context)
        if context
        else http.client.HTTPConnection(host, parts.port, timeout=READ_TIMEOUT_S)
    )
    try:
        connection.connect()
        with _within(RESPONSE_TIMEOUT_S, connection.sock):
            connection.sock.sendall(request)
            response = http.client.HTTPResponse(connection.sock, method="POST")
            response.begin()
            body = response.read(LARGEST_RESPONSE_BYTES + 1)
        if len(body) > LARGEST_RESPONSE_BYTES:
            raise http.client.HTTPException(f"its answer is larger than {LARGEST_RESPONSE_BYTES:,} bytes")
        if response.length:
            raise http.client.IncompleteRead(body, response.length)
        return response.status, body, response.getheader("date")
    finally:
        connection.close()


@contextlib.contextmanager
def _within(limit_s: float, connected: socket.socket) -> Iterator[None]:
    """Close a connection that is still in use after a limit in seconds: its own timeout restarts with every byte.

    Raises:
        TimeoutError: that has happened.
    """

    def end() -> None:
        with contextlib.suppress(OSError):  # the endpoint has closed it
            connected.shutdown(socket.SHUT_RDWR)

    watch, begun_s = threading.Timer(limit_s, end), time.monotonic()
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        if time.monotonic() - begun_s >= limit_s:
            raise TimeoutError(f"no whole answer within {limit_s:g} s")


def _explain(error: _Refused, table: str, where: str) -> str:
    if error.name == "ResourceNotFoundException":
        return f"there is no table {table} at {where}: check the name, or deploy it"
    remedy = codes.remedy(error.name, error.message) if error.name in codes.REMEDIES else ""
    if remedy == codes.PERMISSION:
        return (
            f"table {table} at {where} may not be used: {error.message}: "
            "allow the task's role dynamodb:DescribeTable on it"
        )
    if remedy == codes.CREDENTIALS:
        return (
            f"DynamoDB at {where} refuses the credentials: {error.name}: {error.message}: "
            "log in again, and check the clock"
        )
    text = f"DynamoDB at {where} refuses to describe table {table}: {error.name}: {error.message}".removesuffix(": ")
    return f"{text}: {remedy}" if remedy else text
