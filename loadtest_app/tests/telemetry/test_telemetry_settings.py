# SPDX-License-Identifier: Apache-2.0
"""Where live figures go, by the command line and OpenTelemetry's variables."""

import pytest
from ddbload.telemetry import settings
from hypothesis import given
from hypothesis import strategies as st

URL = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("option", "environment", "url"),
    [
        (None, {}, None),
        (URL, {}, f"{URL}/v1/metrics"),
        (f"{URL}/", {}, f"{URL}/v1/metrics"),
        (f"{URL}/v1/metrics", {}, f"{URL}/v1/metrics"),
        ("https://otlp.example/otlp", {}, "https://otlp.example/otlp/v1/metrics"),
        (None, {settings.ENDPOINT: URL}, f"{URL}/v1/metrics"),
        (None, {settings.ENDPOINT: URL, settings.METRICS_ENDPOINT: "http://m/in"}, "http://m/in"),
        (URL, {settings.ENDPOINT: "http://other", settings.METRICS_ENDPOINT: "http://m/in"}, f"{URL}/v1/metrics"),
        (None, {settings.ENDPOINT: URL, settings.EXPORTER: "none"}, None),
        (None, {settings.ENDPOINT: URL, settings.DISABLED: "TRUE"}, None),
        (URL, {settings.EXPORTER: "none"}, f"{URL}/v1/metrics"),
    ],
)
def test_the_endpoint(option: str | None, environment: dict[str, str], url: str | None) -> None:
    """The option outranks the variable of metrics, which outranks the common one and is taken as it is."""
    found = settings.read(option, environment)
    assert (found.url if found else None) == url


@pytest.mark.parametrize(
    "url",
    ["", "collector:4318", "ftp://c", "http://", "http://c:0", "http://c:x", "http://c/a b", "http://[::1", "http://é"],
)
def test_an_endpoint_that_is_no_url_is_refused(url: str) -> None:
    if url:
        with pytest.raises(ValueError, match=r"^--otlp: must be the URL of a collector, such as http"):
            settings.read(url, {})
    assert settings.read("", {}) is None


@pytest.mark.parametrize("url", ["http://user:s3cret@c", "http://c?key=s3cret", "http://c#s3cret"])
def test_a_url_that_may_hold_a_secret_is_refused_unseen(url: str) -> None:
    with pytest.raises(ValueError, match="OTEL_EXPORTER_OTLP_HEADERS") as error:
        settings.read(None, {settings.ENDPOINT: url})
    assert "s3cret" not in str(error.value)


def test_headers_come_from_the_environment_and_stay_unseen() -> None:
    given_headers = {
        settings.HEADERS: "authorization=Basic%20czNjcmV0, x-scope = a ",
        settings.METRICS_HEADERS: "x-scope=b",
    }
    found = settings.read(URL, given_headers)
    assert found and found.headers == {"authorization": "Basic czNjcmV0", "x-scope": "b"}
    assert "czNjcmV0" not in repr(found)


@pytest.mark.parametrize("text", ["s3cret", "a=1,s3cret", "a b=s3cret", "a=s3cret%0d%0ahost: x", "=s3cret", "a=%ff"])
def test_a_malformed_header_is_refused_unseen(text: str) -> None:
    with pytest.raises(ValueError, match=r"OTEL_EXPORTER_OTLP_HEADERS: part [12] must") as error:
        settings.read(URL, {settings.HEADERS: text})
    assert "s3cret" not in str(error.value)


@given(st.text(), st.text())
def test_any_text_gives_settings_or_one_line(url: str, headers: str) -> None:
    try:
        found = settings.read(url, {settings.HEADERS: headers, settings.RESOURCE: headers})
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert found is None or found.url.startswith("http")


def test_the_resource() -> None:
    environment = {settings.RESOURCE: "service.name=a,deployment.environment.name=dev"}
    found = settings.read(URL, environment)
    assert found and found.resource == {"service.name": "a", "deployment.environment.name": "dev"}
    found = settings.read(URL, environment | {settings.SERVICE: "b"})
    assert found and found.resource["service.name"] == "b"
    found = settings.read(URL, {})
    assert found and found.resource == {"service.name": "ddbload"}


def test_the_form_of_the_metrics() -> None:
    found = settings.read(URL, {})
    assert found and (found.interval_s, found.is_delta, found.is_exponential) == (5.0, False, False)
    environment = {
        settings.INTERVAL: "1000",
        settings.TEMPORALITY: "Delta",
        settings.AGGREGATION: settings.EXPONENTIAL,
        settings.CERTIFICATE: "/ca.pem",
    }
    found = settings.read(URL, environment)
    assert found and (found.interval_s, found.is_delta, found.is_exponential) == (1.0, True, True)
    assert found.certificate == "/ca.pem"


@pytest.mark.parametrize("text", ["0", "999", "-1", "1e3", "x", "9" * 30, "²000"])
def test_an_interval_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="OTEL_METRIC_EXPORT_INTERVAL: must be milliseconds from 1000 to 3600000"):
        settings.read(URL, {settings.INTERVAL: text})


@pytest.mark.parametrize(
    ("environment", "is_json"),
    [
        ({}, False),
        ({settings.PROTOCOL: "http/protobuf"}, False),
        ({settings.PROTOCOL: " HTTP/JSON "}, True),
        ({settings.PROTOCOL: "http/json", settings.METRICS_PROTOCOL: "http/protobuf"}, False),
        ({settings.PROTOCOL: "grpc", settings.METRICS_PROTOCOL: "http/json"}, True),
        ({settings.PROTOCOL: "http/json", settings.METRICS_PROTOCOL: ""}, True),
    ],
)
def test_the_encoding(environment: dict[str, str], is_json: bool) -> None:
    """Protobuf by default, as OpenTelemetry's; the variable of metrics outranks the common one."""
    found = settings.read(URL, environment)
    assert found and found.is_json is is_json


@pytest.mark.parametrize("name", [settings.PROTOCOL, settings.METRICS_PROTOCOL])
def test_a_protocol_other_than_http_is_refused(name: str) -> None:
    with pytest.raises(
        ValueError, match="got 'grpc' -> set it to http/protobuf or http/json, and the endpoint"
    ) as error:
        settings.read(URL, {name: "grpc"})
    assert str(error.value).startswith(f"{name}: ") and "4318" in str(error.value)
    with pytest.raises(ValueError, match=rf"^{name}: .*, got 'http/xml' -> set it to http/protobuf or http/json$"):
        settings.read(URL, {name: "http/xml"})
