# SPDX-License-Identifier: Apache-2.0
"""Scenarios out of SSM Parameter Store: the long-lived settings of an environment.

The command line and the process environment outrank them; they outrank the defaults.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 5
MAX_ATTEMPTS = 3
SHOWN_CHARACTERS = 60

SCENARIO = "scenario"
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
PATH = re.compile(r"(?:/[A-Za-z0-9_.-]+){1,14}")
RESERVED = ("/aws", "/ssm")


class SourceError(ValueError):
    """Settings that are no scenario, or cannot be read; ``problems`` has one line a problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


class _Rule(NamedTuple):
    """What a parameter must be, and the scenario's field that takes its value."""

    words: str
    read: Callable[[str], Any]
    field: str


def _whole(low: int, high: int) -> tuple[str, Callable[[str], Any]]:
    def read(text: str) -> int | None:
        return int(text) if re.fullmatch(r"[0-9]{1,18}", text) and low <= int(text) <= high else None

    return f"a whole number from {low:,} to {high:,}", read


def _percentage(text: str) -> int | float | None:
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", text):
        return None
    return int(text) if text.isdigit() else float(text)


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _table_name(text: str) -> str | None:
    return text if TABLE_NAME.fullmatch(text) else None


PLAN = {
    "concurrency-limit": _Rule(*_whole(1, 10_000), "concurrency_limit"),
    "total-items": _Rule(*_whole(1, 10**12), "total_items"),
    "max-concurrency-percentage": _Rule(*_whole(1, 100), "max_concurrency_percentage"),
    "inject-duplicates": _Rule("true or false", _boolean, "inject_duplicates"),
    "duplicate-percentage": _Rule("a number from 0 to below 100", _percentage, "duplicate_percentage"),
}
BESIDE = {
    "cleanup-after-test": _Rule("true or false", _boolean, "cleanup"),
    "table-name": _Rule("the name of a table: 3 to 255 of a-z, A-Z, 0-9, _, . and -", _table_name, "table"),
}
KNOWN = PLAN | BESIDE
REQUIRED = ("concurrency-limit", "total-items")


def from_parameters(parameters: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """Make a scenario's document of SSM parameters.

    Args:
        parameters: values by full name.
        prefix: their path, for example ``/project/environment``.

    Returns:
        The document in ``<prefix>/scenario``, or one with the classic plan where the classic names are there:
        ``concurrency-limit`` and ``total-items``, both needed, ``max-concurrency-percentage`` (100 by default),
        ``inject-duplicates`` (false by default) with ``duplicate-percentage``, and outside the plan ``table-name`` and
        ``cleanup-after-test``. Parameters of other names, the former ``read-capacity-units`` and
        ``write-capacity-units`` among them, are ignored: an environment keeps more than scenarios under its path. {}
        where there is no parameter of these names.

    Raises:
        SourceError: all that is wrong, one line each: full name, rule, value.
    """
    path = prefix.rstrip("/")
    under = f"{path}/"
    found = {name.removeprefix(under): text.strip() for name, text in parameters.items() if name.startswith(under)}
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name, rule in KNOWN.items():
        if name in found:
            values[name] = rule.read(found[name])
            if values[name] is None:
                problems.append(f"{path}/{name}: must be {rule.words}, got {_show(found[name])}")
    document = _scenario(found, path, problems) if SCENARIO in found else _classic(values, path, problems)
    if problems:
        raise SourceError(problems)
    return document


def read_parameters(path: str, region: str | None, endpoint_url: str | None) -> dict[str, str]:
    """Read the parameters directly under a path from SSM Parameter Store, decrypted.

    Args:
        path: for example ``/project/environment``.
        region: overrides AWS_REGION, AWS_DEFAULT_REGION and the profile's.
        endpoint_url: overrides AWS_ENDPOINT_URL_SSM, AWS_ENDPOINT_URL and the region's own.

    Returns:
        Values by full name; never empty.

    Raises:
        SourceError: one line: why they cannot be read, and how to fix it.
    """
    import botocore.exceptions as failures  # a third of a second that runs without SSM do not need
    from botocore.config import Config

    from ddbload.dynamo.credential_chain import (
        CertificatesError,
        CredentialsError,
        certificates,
        load_credentials,
        new_session,
    )

    path = _checked_path(path)
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": MAX_ATTEMPTS, "mode": "standard"},
    )
    try:
        session = new_session(region or os.environ.get("AWS_REGION"))
        load_credentials(session)
        client: Any = session.create_client(
            "ssm", region_name=region or os.environ.get("AWS_REGION"), endpoint_url=endpoint_url, config=config
        )
        if "@" in str(client.meta.endpoint_url):
            # The message of a failure would show the whole URL.
            raise SourceError(
                [f"{path}: SSM's endpoint has a user or a password in its URL: take it out of AWS_ENDPOINT_URL"]
            )
        if os.environ.get("AWS_CA_BUNDLE"):
            certificates(os.environ["AWS_CA_BUNDLE"])
        parameters = _read_pages(client, path)
    except failures.NoRegionError as error:
        raise SourceError([f"{path}: no AWS region is known: set AWS_REGION or give --region"]) from error
    except failures.ProfileNotFound as error:
        raise SourceError([f"{path}: {error}: set AWS_PROFILE to a profile of ~/.aws/config"]) from error
    except (CredentialsError, CertificatesError) as error:
        raise SourceError([f"{path}: {error}"]) from error
    except failures.SSLError as error:
        raise SourceError(
            [f"{path}: SSM shows a certificate that is not trusted ({error}): check the endpoint, or AWS_CA_BUNDLE"]
        ) from error
    except (failures.ConnectionError, failures.HTTPClientError) as error:
        raise SourceError(
            [f"{path}: SSM does not answer ({error}): check the endpoint, and the way out of the subnet"]
        ) from error
    except failures.ClientError as error:
        raise SourceError([_explain(dict(error.response["Error"]), path)]) from error
    except SourceError:
        raise
    except (failures.BotoCoreError, ValueError) as error:
        raise SourceError([f"{path}: the request to SSM failed: {error}"]) from error
    if not parameters:
        raise SourceError([f"{path}: SSM holds no parameters directly under it: check path and region, or deploy them"])
    return parameters


def _scenario(found: Mapping[str, str], path: str, problems: list[str]) -> dict[str, Any]:
    mixed = [name for name in (*PLAN, *BESIDE) if name in found]
    if mixed:
        problems.append(f"{path}/{SCENARIO}: must not stand beside {', '.join(mixed)}: delete it or them")
    try:
        document = json.loads(found[SCENARIO])
    except ValueError as error:
        problems.append(f"{path}/{SCENARIO}: must be a scenario in JSON, but {error}")
        return {}
    if not isinstance(document, dict):
        problems.append(f"{path}/{SCENARIO}: must be a JSON object, got {_show(found[SCENARIO])}")
        return {}
    return document


def _classic(values: Mapping[str, Any], path: str, problems: list[str]) -> dict[str, Any]:
    document = {rule.field: values[name] for name, rule in BESIDE.items() if name in values}
    if not any(name in values for name in PLAN):
        return document
    needed = [*REQUIRED, *(["duplicate-percentage"] if values.get("inject-duplicates") else [])]
    problems.extend(
        f"{path}/{name}: must be {KNOWN[name].words}, but is missing" for name in needed if name not in values
    )
    defaults: dict[str, Any] = {
        "max-concurrency-percentage": 100,
        "inject-duplicates": False,
        "duplicate-percentage": 0,
    }
    given = {**defaults, **values}
    plan = {rule.field: given.get(name) for name, rule in PLAN.items()}
    return {"plan": {"type": "classic", **plan}, **document}


def _checked_path(path: str) -> str:
    trimmed = path.rstrip("/")
    if not PATH.fullmatch(trimmed):
        raise SourceError([f"{path}: must be a path of SSM parameters, such as /project/environment"])
    if trimmed.lower().startswith(RESERVED):
        raise SourceError([f"{path}: SSM keeps names that begin with aws or ssm to itself: choose another path"])
    return trimmed


def _read_pages(client: Any, path: str) -> dict[str, str]:
    pages = client.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=False, WithDecryption=True)
    return {parameter["Name"]: parameter["Value"] for page in pages for parameter in page["Parameters"]}


def _explain(error: Mapping[str, Any], path: str) -> str:
    code, message = error.get("Code", ""), " ".join(str(error.get("Message", "")).split())
    if code in ("AccessDeniedException", "AccessDenied"):
        if "kms" in message.lower() or "ciphertext" in message.lower():
            return f"{path}: may not be decrypted: {message}: allow the task's role kms:Decrypt on the parameters' key"
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-retrieval-authorization.html
        return (
            f"{path}: may not be read: {message}: allow the task's role ssm:GetParametersByPath on "
            f"parameter{path} and parameter{path}/*"
        )
    if code in ("ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"):
        return f"{path}: SSM refuses the credentials: {code}: {message}: log in again, and check the clock"
    return f"{path}: SSM refuses to read it: {code}: {message}"


def _show(text: str) -> str:
    shown = json.dumps(text)
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[: SHOWN_CHARACTERS - 3] + "..."
