# SPDX-License-Identifier: Apache-2.0
"""Runs that send live figures to a collector: what arrives, and that no collector disturbs a run."""

import os
import signal
from itertools import pairwise
from typing import Any

import pytest
from collector import JSON, PROTOBUF, Collector
from command import Running, Seen, constant, run, workers_of
from server import Server

FAST = {"OTEL_METRIC_EXPORT_INTERVAL": "1000"}
IN_JSON = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
DELTA = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
PLAN = {"plan": constant(100, 2.4)}
Figures = dict[str, Any]


def found(seen: Seen) -> Figures:
    """Return the results' figures of the exports."""
    telemetry: Figures = seen.results["telemetry"]
    return telemetry


@pytest.mark.parametrize(("processes", "encoding", "kind"), [(1, {}, PROTOBUF), (2, IN_JSON, JSON)])
def test_a_collector_gets_all_that_a_run_does(processes: int, encoding: dict[str, str], kind: str) -> None:
    """Also of several processes, whose progress is merged; the last request has the whole run."""
    with Server() as server, Collector() as collector:
        seen = run(server.url, PLAN | {"processes": processes}, "--otlp", collector.url, **FAST, **encoding)
    assert seen.code == 0 and seen.errors == ""
    first, *_between, last = collector.requests
    assert first.path == "/v1/metrics" and {one.headers["Content-Type"] for one in collector.requests} == {kind}
    assert last.resource["ddbload.run.id"] == "r"
    assert last.total("ddbload.operation.sent") == seen.results["plan"]["sent"] == 240
    (point,) = last.metric("db.client.operation.duration").histogram.data_points
    assert point.count == seen.operation()["ok"] == 240
    assert first.total("ddbload.operation.sent") < 240
    exports = {"exports": len(collector.requests), "failed": 0, "dropped": 0, "problem": None}
    assert found(seen) == exports | {"endpoint": f"{collector.url}/v1/metrics"}
    kinds = [event["event"] for event in seen.events]
    # A launcher reads no further than the end.
    assert kinds.index("run.telemetry") < kinds.index("run.summary")


def test_deltas_add_up_to_the_run() -> None:
    with Server() as server, Collector() as collector:
        seen = run(server.url, PLAN, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **FAST, **DELTA)
    assert seen.code == 0 and len(collector.requests) > 1
    assert sum(request.total("ddbload.operation.sent") for request in collector.requests) == 240
    spans = [request.metric("ddbload.operation.sent").sum.data_points[0] for request in collector.requests]
    assert all(one.time_unix_nano == next_.start_time_unix_nano for one, next_ in pairwise(spans))


def test_headers_reach_the_collector_alone() -> None:
    """A token is in no line of the run, also where the collector repeats it."""
    with Server() as server, Collector(401, {"message": "bad token s3cret"}) as collector:
        header = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20s3cret"}
        seen = run(server.url, PLAN, "--otlp", collector.url, **FAST, **header)
    assert collector.requests[0].headers["authorization"] == "Bearer s3cret"
    assert seen.code == 0 and "s3cret" not in repr(seen)
    assert (
        "responded with HTTP 401 -> give the collector's token in OTEL_EXPORTER_OTLP_HEADERS" in found(seen)["problem"]
    )


def test_a_collector_that_refuses_is_reported_once() -> None:
    """The run passes; its results count every failure and say the first."""
    with Server() as server, Collector(503, {"message": "too\nbusy"}) as collector:
        seen = run(server.url, PLAN, "--otlp", collector.url, **FAST)
    assert seen.code == 0
    (warning,) = seen.of("run.warning")
    assert f"{collector.url}/v1/metrics responded with HTTP 503: too busy -> " in warning["message"]
    assert (found(seen)["exports"], found(seen)["failed"]) == (0, len(collector.requests))
    assert warning["message"] == found(seen)["problem"]
    assert f"requests with metrics failed: {warning['message']}" in " ".join(seen.results["warnings"])


@pytest.mark.parametrize(("status", "is_sent_again"), [(503, True), (400, False), (413, False)])
def test_deltas_come_again_unless_they_are_refused_for_good(status: int, is_sent_again: bool) -> None:
    """With the next request, after a status that OTLP allows it for."""
    with (
        Server() as server,
        Collector(status) as collector,
        Running(server.url, PLAN, "--otlp", collector.url, **FAST, **DELTA) as running,
    ):
        collector.wait_for(1)
        collector.status = 200
        seen = running.end()
    refused, *accepted = collector.requests
    lost = refused.total("ddbload.operation.sent")
    assert lost > 0
    assert sum(one.total("ddbload.operation.sent") for one in accepted) == 240 - (0 if is_sent_again else lost)
    assert found(seen)["failed"] == 1 and found(seen)["exports"] == len(accepted)


def test_points_that_a_collector_rejects_count_as_failed() -> None:
    body = {"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "too old"}}
    with Server() as server, Collector(body=body) as collector:
        seen = run(server.url, PLAN, "--otlp", collector.url, **FAST)
    assert seen.code == 0 and found(seen)["failed"] == len(collector.requests)
    assert "rejected 3 data points: too old -> " in found(seen)["problem"]


def test_no_collector_at_all() -> None:
    with Server() as server:
        seen = run(server.url, PLAN, "--otlp", "http://127.0.0.1:1", **FAST)
    assert seen.code == 0 and seen.results["plan"]["kept"]
    assert (
        "http://127.0.0.1:1/v1/metrics cannot be reached: Connection refused -> check the URL" in found(seen)["problem"]
    )


def test_a_collector_that_hangs_does_not_hold_the_run() -> None:
    """The load ends in its time; the last request has some seconds, then the run ends without it."""
    with Server() as server, Collector(delay_s=60) as collector:
        seen = run(server.url, PLAN, "--otlp", collector.url, **FAST)
    assert seen.code == 0 and seen.results["plan"]["kept"]
    assert found(seen)["exports"] == 0 and found(seen)["problem"]


def test_the_death_of_the_process_is_reported_once() -> None:
    with (
        Server() as server,
        Collector() as collector,
        Running(server.url, PLAN, "--otlp", collector.url, **FAST) as running,
    ):
        running.wait_for("run.progress")
        (child,) = workers_of(running)
        os.kill(child, signal.SIGKILL)
        seen = running.end()
    assert seen.code == 0
    (warning,) = seen.of("run.warning")
    assert "the process that sends the metrics has ended" in warning["message"]
    assert found(seen)["dropped"] > 0
    assert "seconds were not sent" in " ".join(seen.results["warnings"])


def test_an_interrupted_run_sends_what_it_has() -> None:
    with (
        Server() as server,
        Collector() as collector,
        Running(server.url, {"plan": constant(100, 60)}, "--otlp", collector.url, **FAST) as running,
    ):
        running.wait_for("run.progress")
        running.send(signal.SIGINT)
        seen = running.end()
    assert seen.code == 6
    assert collector.requests[-1].total("ddbload.operation.sent") == seen.last("run.progress")["total"]["sent"]


def test_a_wrong_url_starts_no_run() -> None:
    with Server() as server:
        seen = run(server.url, PLAN, "--otlp", "collector:4318")
        assert seen.code == 2 and seen.of("run.started") == []
    assert seen.message == "--otlp: must be the URL of a collector, such as http://127.0.0.1:4318"


def test_a_run_without_a_collector_says_nothing_of_one() -> None:
    with Server() as server:
        seen = run(server.url, {"plan": constant(50, 0.5)})
    assert seen.of("run.telemetry") == [] and seen.results["telemetry"] is None
