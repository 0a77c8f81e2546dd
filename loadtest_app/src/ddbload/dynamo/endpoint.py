# SPDX-License-Identifier: Apache-2.0
"""Where DynamoDB is, who we are to it, and which table is there: asked by botocore, once, before the clock starts."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ddbload.dynamo.sign import Credentials, Signer
from ddbload.keys import KeyAttribute

API = "DynamoDB_20120810"

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 5
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
SKEW_ERRORS = {"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed"}


class TargetError(Exception):
    """The table cannot be tested; the text says what, where and how to mend it."""


@dataclass(frozen=True)
class Target:
    """A table that can be tested."""

    url: str
    region: str
    table: dict[str, Any]
    key: list[KeyAttribute]
    clock_skew_s: float
    session_credentials: Any

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
    def host_header(self) -> str:
        """The host as the Host header names it."""
        return _host_header(self.url)

    def credentials(self) -> Credentials:
        """Return the credentials of now; may ask for new ones, so call it off the hot path."""
        return _frozen(self.session_credentials)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return how TLS is spoken, with the certificates of AWS_CA_BUNDLE where it is set; None without TLS."""
        return _tls_context(self.url)


def open_target(table: str, endpoint_url: str | None, region: str | None, environment: Mapping[str, str]) -> Target:
    """Find the endpoint, the credentials and the table.

    Args:
        table: the table's name.
        endpoint_url: in place of AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL and the region's own.
        region: in place of AWS_REGION, AWS_DEFAULT_REGION and the profile's.
        environment: of the process.

    Raises:
        TargetError: one of them is not to be had.
    """
    import botocore.exceptions as failures  # a third of a second that --help and report do not need
    import botocore.session
    from botocore.config import Config

    region = region or environment.get("AWS_REGION") or None
    where = endpoint_url or region
    config = Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S, retries={"total_max_attempts": 2})
    try:
        session = botocore.session.get_session()
        client: Any = session.create_client("dynamodb", region_name=region, endpoint_url=endpoint_url, config=config)
        url, region = str(client.meta.endpoint_url), str(client.meta.region_name)
        where = url
        credentials = session.get_credentials()
        if credentials is None:
            raise failures.NoCredentialsError
        description, skew_s = _describe(client, table, Signer(_host_header(url), region, _frozen(credentials)))
    except failures.NoRegionError as error:
        raise TargetError("no AWS region is known: set AWS_REGION or give --region") from error
    except failures.ProfileNotFound as error:
        raise TargetError(f"{error}: set AWS_PROFILE to a profile of ~/.aws/config") from error
    except (failures.NoCredentialsError, failures.PartialCredentialsError, failures.CredentialRetrievalError) as error:
        raise TargetError(
            f"no AWS credentials are to be had ({error}): give the task a role, or set AWS_PROFILE"
        ) from error
    except (failures.ConnectionError, failures.HTTPClientError) as error:
        raise TargetError(
            f"DynamoDB at {where} does not answer ({error}): check the endpoint, and the way out of the subnet"
        ) from error
    except failures.ClientError as error:
        raise TargetError(_explain(dict(error.response["Error"]), table, str(where))) from error
    except (failures.BotoCoreError, http.client.HTTPException, OSError, ValueError) as error:
        raise TargetError(f"DynamoDB at {where} cannot be asked: {error}") from error
    if description["TableStatus"] not in ("ACTIVE", "UPDATING"):
        raise TargetError(f"table {table} at {where} is {description['TableStatus']}, not ACTIVE: wait, then run again")
    types = {item["AttributeName"]: item["AttributeType"] for item in description["AttributeDefinitions"]}
    key = [KeyAttribute(item["AttributeName"], types[item["AttributeName"]]) for item in description["KeySchema"]]
    return Target(
        url=url,
        region=region,
        table={
            "name": table,
            "status": description["TableStatus"],
            "billing_mode": description.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "key_schema": [{"name": attribute.name, "type": attribute.type} for attribute in key],
            "item_count": description.get("ItemCount", 0),
        },
        key=key,
        clock_skew_s=skew_s,
        session_credentials=credentials,
    )


def _host_header(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _tls_context(url: str) -> ssl.SSLContext | None:
    if urlsplit(url).scheme != "https":
        return None
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)


def _frozen(session_credentials: Any) -> Credentials:
    frozen = session_credentials.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def _describe(client: Any, table: str, signer: Signer) -> tuple[dict[str, Any], float]:
    """Return the table's description, and by how many seconds AWS's clock is ahead of ours.

    A clock that is minutes off makes AWS refuse the signature; asked once more by AWS's clock it answers.
    """
    from botocore.exceptions import ClientError

    try:
        answer = client.describe_table(TableName=table)
    except ClientError as error:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        skew_s = _clock_skew(headers.get("date"))
        if error.response["Error"]["Code"] not in SKEW_ERRORS or not skew_s:
            raise
        signer.at(int(time.time() + skew_s))
        request = signer.request(f"{API}.DescribeTable", json.dumps({"TableName": table}).encode())
        status, document = _exchange(client.meta.endpoint_url, request)
        if status != 200:
            name = str(document.get("__type", "")).rpartition("#")[2]
            refused: Any = {"Code": name, "Message": str(document.get("message") or document.get("Message") or "")}
            raise ClientError({"Error": refused}, "DescribeTable") from error
        return document["Table"], skew_s
    return answer["Table"], _clock_skew(answer["ResponseMetadata"]["HTTPHeaders"].get("date"))


def _exchange(url: str, request: bytes) -> tuple[int, dict[str, Any]]:
    """Send a whole request and read its answer, on a connection of its own."""
    parts, context = urlsplit(url), _tls_context(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=READ_TIMEOUT_S, context=context)
        if context
        else http.client.HTTPConnection(host, parts.port, timeout=READ_TIMEOUT_S)
    )
    try:
        connection.connect()
        connection.sock.sendall(request)
        answer = http.client.HTTPResponse(connection.sock, method="POST")
        answer.begin()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def _explain(error: Mapping[str, Any], table: str, where: str) -> str:
    code, message = error.get("Code", ""), error.get("Message", "")
    if code == "ResourceNotFoundException":
        return f"there is no table {table} at {where}: check the name, or deploy it"
    if code in ("AccessDeniedException", "AccessDenied"):
        return (
            f"table {table} at {where} may not be used: {message}: allow the task's role dynamodb:DescribeTable on it"
        )
    if code in ("ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"):
        return f"DynamoDB at {where} refuses the credentials: {code}: {message}: log in again, and check the clock"
    return f"DynamoDB at {where} refuses to describe table {table}: {code}: {message}"


def _clock_skew(date: str | None) -> float:
    """Return by how many seconds AWS's clock is ahead of ours; 0 where it does not tell, or less than a minute."""
    if not date:
        return 0.0
    try:
        skew = (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
    return skew if abs(skew) > 60 else 0.0
