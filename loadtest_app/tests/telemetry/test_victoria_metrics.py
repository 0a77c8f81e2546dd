# SPDX-License-Identifier: Apache-2.0
"""A real receiver takes a run's metrics: VictoriaMetrics on the PATH, or that of the variable VICTORIA_METRICS."""

import json
import math
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from command import Seen, constant, run
from ports import free_port
from server import Server
from waiting import waited

MISSING = (
    "NOT TESTED WITH VICTORIAMETRICS: none is on the PATH -> install Debian's package victoria-metrics, or name the "
    "program of a release (https://github.com/VictoriaMetrics/VictoriaMetrics/releases): VICTORIA_METRICS=/path"
)
# Names as Prometheus has them.
OPTION = "-opentelemetry.usePrometheusNaming"
SENT = 240
STOP_SECONDS = 20.0
# A query at a later instant finds the last point before it; one at this instant leaves the last seconds out.
LATER_S = 60
FAST = {"OTEL_METRIC_EXPORT_INTERVAL": "1000"}
DURATION = "db_client_operation_duration_seconds"
IS_EXPONENTIAL = {
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
    "OTEL_RESOURCE_ATTRIBUTES": "run=exponential",
}


class VictoriaMetrics:
    """A running VictoriaMetrics.

    Attributes:
        receiver: its base URL for OTLP.
    """

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self.receiver = f"{self._url}/opentelemetry"

    def is_ready(self) -> bool:
        """Return whether it answers."""
        try:
            return self._get("/health") == b"OK"
        except OSError:
            return False

    def query(self, query: str) -> list[dict[str, Any]]:
        """Return the series that a query finds, each with its metric and last value."""
        self._get("/internal/force_flush")
        found = self._get(f"/api/v1/query?{urlencode({'query': query, 'time': time.time() + LATER_S})}")
        return list(json.loads(found)["data"]["result"])

    def value(self, query: str) -> float:
        """Return the value of a query that finds one series."""
        (found,) = self.query(query)
        return float(found["value"][1])

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self._url + path, timeout=5) as response:
            return bytes(response.read())


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    program = os.environ.get("VICTORIA_METRICS") or shutil.which("victoria-metrics")
    if not program:
        pytest.skip(MISSING)
    described = subprocess.run([program, "-help"], check=False, capture_output=True, text=True)
    if OPTION not in described.stdout + described.stderr:
        pytest.skip(
            f"NOT TESTED WITH VICTORIAMETRICS: {program} is too old, it has no {OPTION} -> install 1.145 or later"
        )
    folder = tmp_path_factory.mktemp("victoria")
    port = free_port()
    command = [program, OPTION, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}/data"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        running = VictoriaMetrics(port)
        waited(lambda: running.is_ready() or process.poll() is not None)
        assert process.poll() is None, Path(log.name).read_text()
        yield running
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def sent(url: str, **environment: str) -> Seen:
    """Return a run that sends its metrics to a URL."""
    with Server() as server:
        return run(server.url, {"plan": constant(100, SENT / 100)}, "--otlp", url, **FAST, **environment)


@pytest.fixture(scope="module")
def seen(receiver: VictoriaMetrics) -> Seen:
    """A run with the default settings."""
    return sent(receiver.receiver)


def seconds(seen: Seen) -> float:
    """Return the median of the results."""
    return float(seen.operation()["latency_ms"]["p50"]) / 1000


def test_every_request_is_accepted(seen: Seen) -> None:
    assert seen.code == 0 and seen.errors == ""
    telemetry = seen.results["telemetry"]
    assert telemetry["exports"] > 1 and (telemetry["failed"], telemetry["problem"]) == (0, None)


def test_the_receiver_has_the_whole_run(seen: Seen, receiver: VictoriaMetrics) -> None:
    own = '{run=""}'
    assert receiver.value(f"sum(ddbload_operation_sent_total{own})") == seen.results["plan"]["sent"] == SENT
    assert receiver.value(f"{DURATION}_count{own}") == SENT
    assert receiver.value(f"ddbload_service_duration_seconds_count{own}") == SENT


def test_labels_tell_runs_tables_and_operations_apart(seen: Seen, receiver: VictoriaMetrics) -> None:
    (series,) = receiver.query(f'{DURATION}_count{{run=""}}')
    wanted = {
        "service_name": "ddbload",
        "service_instance_id": "r/0",
        "ddbload_run_id": "r",
        "ddbload_segment_index": "0",
        "db_collection_name": "test-table",
        "db_operation_name": "PutItem",
        "ddbload_mix_entry": "put",
    }
    assert wanted.items() <= series["metric"].items()
    ends = receiver.query('ddbload_operation_count_total{run=""}')
    found = {one["metric"]["ddbload_outcome"]: float(one["value"][1]) for one in ends}
    assert found == {"ok": SENT, "expected": 0, "contention": 0, "cancelled": 0, "failed": 0}


def test_a_percentile_is_in_the_bucket_of_the_results(seen: Seen, receiver: VictoriaMetrics) -> None:
    buckets = f'sum by (le) ({DURATION}_bucket{{run=""}})'
    limits = sorted(float(one["metric"]["le"]) for one in receiver.query(buckets))
    above = next(limit for limit in limits if limit >= seconds(seen))
    below = max((limit for limit in limits if limit < seconds(seen)), default=0.0)
    assert math.isinf(limits[-1]) and below <= receiver.value(f"histogram_quantile(0.5, {buckets})") <= above


def test_exponential_buckets_give_the_percentile(receiver: VictoriaMetrics) -> None:
    """Within two buckets' width: that of the results' own histogram differs."""
    exponential = sent(receiver.receiver, **IS_EXPONENTIAL)
    assert exponential.results["telemetry"]["problem"] is None
    buckets = f'sum by (vmrange) ({DURATION}_bucket{{run="exponential"}})'
    assert sum(float(one["value"][1]) for one in receiver.query(buckets)) == SENT
    found = receiver.value(f"histogram_quantile(0.5, {buckets})")
    assert found == pytest.approx(seconds(exponential), rel=0.05)


def test_what_the_receiver_refuses_is_a_line_of_the_run(receiver: VictoriaMetrics) -> None:
    """It says why in plain text."""
    refused = sent(f"{receiver.receiver}x")
    assert refused.code == 0
    (warning,) = refused.of("run.warning")
    path = "/opentelemetryx/v1/metrics"
    assert f'{path} responded with HTTP 400: unsupported path requested: "{path}" -> ' in warning["message"]
