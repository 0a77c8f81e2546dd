# SPDX-License-Identifier: Apache-2.0
"""Where live figures go, by the command line and OpenTelemetry's variables.

Names and meaning are those of https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

ENDPOINT, METRICS_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
HEADERS, METRICS_HEADERS = "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"
PROTOCOL, METRICS_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"
CERTIFICATE, METRICS_CERTIFICATE = "OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE"
INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
AGGREGATION = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
RESOURCE, SERVICE = "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME"
EXPORTER, DISABLED = "OTEL_METRICS_EXPORTER", "OTEL_SDK_DISABLED"
PATH = "/v1/metrics"
PROTOBUF, JSON = "http/protobuf", "http/json"
EXPONENTIAL = "base2_exponential_bucket_histogram"
# OpenTelemetry's own default is a minute: many runs are shorter.
DEFAULT_INTERVAL_MS = 5000
LEAST_INTERVAL_MS, MOST_INTERVAL_MS = 1000, 3_600_000
# RFC 9110, section 5.6.2; a value is visible ASCII with spaces and tabs inside.
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True)
class Settings:
    """Where live figures go, and in which form.

    Attributes:
        url: where they are posted; it holds no secret.
        headers: of each request; they may hold a secret.
        resource: attributes of this process, by name.
        interval_s: seconds between two requests.
        is_json: whether requests are in JSON, instead of Protobuf's binary encoding.
        is_delta: whether a request has what came since the one before, instead of since the start.
        is_exponential: whether histograms have exponential buckets.
        certificate: path of the authorities' certificates; empty for the system's.
    """

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    resource: dict[str, str] = field(default_factory=dict)
    interval_s: float = DEFAULT_INTERVAL_MS / 1000
    is_json: bool = False
    is_delta: bool = False
    is_exponential: bool = False
    certificate: str = ""


def read(option: str | None, environment: Mapping[str, str]) -> Settings | None:
    """Return where live figures go; None where nowhere.

    Args:
        option: base URL of the collector, from the command line; it has precedence over the environment.
        environment: of the process.

    Raises:
        ValueError: what is wrong, and how to fix it, in one line that holds no secret.
    """
    is_off = environment.get(DISABLED, "").lower() == "true" or environment.get(EXPORTER, "").strip() == "none"
    if not option and is_off:
        return None
    name, url = _url(option, environment)
    if not url:
        return None
    _check_url(name, url)
    preference = environment.get(TEMPORALITY, "").lower()
    return Settings(
        url=url,
        headers=_pairs(HEADERS, environment.get(HEADERS, ""), is_header=True)
        | _pairs(METRICS_HEADERS, environment.get(METRICS_HEADERS, ""), is_header=True),
        resource=_resource(environment),
        interval_s=_interval_ms(environment.get(INTERVAL, "")) / 1000,
        is_json=_protocol(environment) == JSON,
        # Low memory: delta for counters and histograms, of which these figures consist.
        is_delta=preference in ("delta", "lowmemory"),
        is_exponential=environment.get(AGGREGATION, "").lower() == EXPONENTIAL,
        certificate=environment.get(METRICS_CERTIFICATE) or environment.get(CERTIFICATE, ""),
    )


def _url(option: str | None, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of the setting that counts, and the URL to post to; empty where there is none."""
    if not option and environment.get(METRICS_ENDPOINT):
        return METRICS_ENDPOINT, environment[METRICS_ENDPOINT]
    base = (option or environment.get(ENDPOINT, "")).rstrip("/")
    if not base:
        return "", ""
    return "--otlp" if option else ENDPOINT, base if base.endswith(PATH) else base + PATH


def _check_url(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    # Neither is shown: both may be a secret.
    if is_right and (parts.username is not None or parts.query or parts.fragment):
        raise ValueError(f"{name}: a URL with a user, a query or a fragment may hold a secret -> put it into {HEADERS}")
    if not is_right or re.search(r"[^\x21-\x7e]", url):
        raise ValueError(f"{name}: must be the URL of a collector, such as http://127.0.0.1:4318")


def _protocol(environment: Mapping[str, str]) -> str:
    name = METRICS_PROTOCOL if environment.get(METRICS_PROTOCOL) else PROTOCOL
    protocol = environment.get(name, "").strip().lower() or PROTOBUF
    if protocol not in (PROTOBUF, JSON):
        port = ", and the endpoint to the collector's HTTP port, mostly 4318" if protocol == "grpc" else ""
        raise ValueError(
            f"{name}: ddbload sends OTLP by HTTP, got {protocol[:60]!r} -> set it to {PROTOBUF} or {JSON}{port}"
        )
    return protocol


def _resource(environment: Mapping[str, str]) -> dict[str, str]:
    named = {"service.name": environment[SERVICE]} if environment.get(SERVICE) else {}
    return {"service.name": "ddbload"} | _pairs(RESOURCE, environment.get(RESOURCE, "")) | named


def _pairs(name: str, text: str, is_header: bool = False) -> dict[str, str]:
    """Return the pairs of a list such as ``a=1,b=2``, whose values are percent-encoded."""
    pairs = {}
    for number, part in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        value = unquote(value)
        is_right = bool(key and equals)
        if is_header:
            is_right = bool(equals and HEADER_NAME.fullmatch(key) and HEADER_VALUE.fullmatch(value))
        if not is_right:
            # The text may be a secret.
            raise ValueError(f"{name}: part {number} must have the form name=value, percent-encoded, as in a=1,b=2")
        pairs[key] = value
    return pairs


def _interval_ms(text: str) -> int:
    if not text:
        return DEFAULT_INTERVAL_MS
    if not text.isdecimal() or not text.isascii() or not LEAST_INTERVAL_MS <= int(text[:12]) <= MOST_INTERVAL_MS:
        raise ValueError(
            f"{INTERVAL}: must be milliseconds from {LEAST_INTERVAL_MS} to {MOST_INTERVAL_MS}, got {text[:60]!r}"
        )
    return int(text)
