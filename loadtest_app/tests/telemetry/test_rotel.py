# SPDX-License-Identifier: Apache-2.0
"""A real collector takes a run's metrics, and passes them on: Rotel, which pip installs."""

import importlib.util
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from collector import Collector, Request
from command import Seen, constant, run
from ports import free_port
from server import Server
from waiting import waited

MISSING = "NOT TESTED WITH ROTEL: it is not installed -> requirements/test.in says for which machines it has a package"
FAST = {"OTEL_METRIC_EXPORT_INTERVAL": "1000"}
DELTA = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
EXPONENTIAL = {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"}
OPERATIONS = 240
DURATION = "db.client.operation.duration"
STOP_SECONDS = 20.0


def program() -> Path:
    """Return Rotel's program, which its Python package contains; skip the test where there is none."""
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        pytest.skip(MISSING)
    return Path(found.origin).parent / "rotel-agent"


def is_open(port: int) -> bool:
    """Return whether something listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def rotel(next_url: str, folder: Path) -> Iterator[str]:
    """Run Rotel, which passes on what it gets to the next URL; yield its own. Its end passes on the rest."""
    port = free_port()
    command = [program(), "start", "--otlp-http-endpoint", f"127.0.0.1:{port}"]
    command += ["--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}", "--pid-file", folder / "pid"]
    command += ["--exporter", "otlp", "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", next_url]
    # One request in, one out.
    command.append("--disable-batching")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        waited(lambda: is_open(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def passed_on(folder: Path, environment: dict[str, str]) -> tuple[Seen, list[Request]]:
    """Return a run that sends its metrics to Rotel, and the requests that Rotel made of them."""
    with Server() as server, Collector() as collector:
        with rotel(collector.url, folder) as url:
            seen = run(server.url, {"plan": constant(100, OPERATIONS / 100)}, "--otlp", url, **FAST, **environment)
            waited(lambda: len(collector.requests) >= seen.results["telemetry"]["exports"])
        return seen, collector.requests


def test_a_real_collector_passes_the_whole_run_on(tmp_path: Path) -> None:
    """It decodes each request and encodes it again: a field that it does not know would be lost."""
    seen, requests = passed_on(tmp_path, {})
    assert seen.code == 0 and seen.errors == "", (tmp_path / "log").read_text()
    telemetry = seen.results["telemetry"]
    assert telemetry["exports"] == len(requests) > 1 and (telemetry["failed"], telemetry["problem"]) == (0, None)
    last = requests[-1]
    assert last.total("ddbload.operation.sent") == seen.results["plan"]["sent"] == OPERATIONS
    assert (last.resource["service.instance.id"], last.resource["service.name"]) == ("r/0", "ddbload")
    (point,) = last.metric(DURATION).histogram.data_points
    assert point.count == sum(point.bucket_counts) == seen.operation()["ok"]
    mean_ms = seen.operation()["latency_ms"]["mean"]
    assert point.sum / point.count * 1000 == pytest.approx(mean_ms, rel=0.01, abs=0.01)


def test_a_real_collector_passes_deltas_on(tmp_path: Path) -> None:
    """Of exponential histograms, whose buckets add up to the run as its counters do."""
    _seen, requests = passed_on(tmp_path, DELTA | EXPONENTIAL)
    assert sum(one.total("ddbload.operation.sent") for one in requests) == OPERATIONS
    points = [point for one in requests for point in one.metric(DURATION).exponential_histogram.data_points]
    in_buckets = sum(point.zero_count + sum(point.positive.bucket_counts) for point in points)
    assert sum(point.count for point in points) == in_buckets == OPERATIONS
