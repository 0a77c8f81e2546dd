# SPDX-License-Identifier: Apache-2.0
"""Several processes, or machines, that share a plan: together they do what one would do, and report it."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from command import Arrivals, Event, Running, Seen, adds_up, closed, constant, rule, run, workers_of
from ddbload.results import merge
from ddbload.stats.histogram import Histogram
from server import Server

BASE = {"connections": 32, "timeout": 0.5, "item": {"size": 200}}
PUTS = 300
PLAN = {"plan": constant(200, 1.5)}
BAD = ("lost", "corrupt", "phantom")


def numbers(items: list[dict[str, Any]]) -> list[int]:
    return sorted(int(item["pk"]["S"].rpartition("#")[2]) for item in items)


def by_key(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: item["pk"]["S"])


def samples(summary: Event, entry: str = "put") -> int:
    latency = summary["operations"][entry]["histograms"]["ok"]["latency"]
    return (latency if isinstance(latency, Histogram) else Histogram.decode(latency)).total


# ---- Processes


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_the_plan_without_loss_or_overlap(processes: int) -> None:
    # One of these thresholds each worker would miss by itself.
    rules = [f"put.ok == {PUTS}", "rate >= 90%", "lost == 0"]
    with Server() as server:
        seen = run(server.url, BASE | PLAN | {"processes": processes, "thresholds": rules, "cleanup": False})
        assert numbers(server.table) == list(range(PUTS))
    summaries = seen.of("run.summary")
    assert (seen.code, seen.message, seen.errors, seen.results["verdict"]) == (0, "", "", "passed")
    assert [event["segment"] for event in sorted(seen.of("run.started"), key=lambda event: event["worker"])] == [
        {"index": worker, "count": processes} for worker in range(processes)
    ]
    assert {event["operations"]["put"]["sent"] for event in summaries} == {PUTS // processes}
    figures, plan = seen.operation(), seen.results["plan"]
    assert (server.log.requests["PutItem"], figures["ok"], plan["planned"], plan["sent"]) == (PUTS, PUTS, PUTS, PUTS)
    assert samples(seen.results) == sum(map(samples, summaries)) == PUTS
    assert plan["rate_reached"] == pytest.approx(200, rel=0.02)
    assert (plan["rate_asked"], figures["rate_asked"]) == pytest.approx((200, 200), rel=0.005)
    check = seen.results["verification"]
    assert (check["checked"], check["present"], check["complete"]) == (PUTS, PUTS, True)
    assert (seen.results["cost"]["write_units"], figures["consumed_write_units"]) == (PUTS, PUTS)
    assert [threshold["passed"] for threshold in seen.results["thresholds"]] == [True] * 3
    assert sum(second["sent"] for second in seen.results["series"]) == PUTS
    assert adds_up(seen.results)
    # One line a second of all processes, and at most one a process for what comes after the last whole second.
    progress = seen.of("run.progress")
    assert len(progress) <= 2 + processes
    assert {(event["worker"], tuple(event["workers"])) for event in progress} == {(0, tuple(range(processes)))}
    assert progress[-1]["total"]["sent"] == PUTS
    assert progress[0]["planned_operations"] == PUTS


def test_processes_write_exactly_what_one_process_writes() -> None:
    tables = []
    for processes in (1, 3):
        with Server() as server:
            mix = {"put": 2, "batch_write": {"items": 3}, "transact_write": {"items": 2}}
            scenario = BASE | {"plan": constant(150, 1), "mix": mix, "processes": processes}
            assert run(server.url, scenario).code == 0
            tables.append(by_key(server.table))
    # Of each four operations two write one key, one three and one two; the cycle ends in the middle.
    assert len(tables[0]) == len(tables[1]) >= 37 * 7
    assert tables[0] == tables[1]


def test_random_arrivals_of_processes_are_those_of_one() -> None:
    counts = []
    for processes in (1, 2):
        with Server() as server:
            plan = constant(300, 1) | {"arrivals": "poisson"}
            seen = run(server.url, BASE | {"plan": plan, "processes": processes})
            assert (seen.code, numbers(server.table)) == (0, list(range(seen.results["plan"]["sent"])))
            counts.append(server.log.requests["PutItem"])
    assert counts[0] == counts[1] != 300


def test_processes_share_the_callers() -> None:
    arrivals = Arrivals(delay_ms=10)
    with Server(arrivals, process=False) as server:
        seen = run(server.url, BASE | {"plan": closed(7, 300), "processes": 3, "verify": {"enabled": False}})
    assert (seen.code, server.log.requests["PutItem"], seen.results["plan"]["sent"]) == (0, 300, 300)
    assert max(arrivals.levels()) == 7
    assert adds_up(seen.results)


def test_threshold_missed_by_all_workers_is_reported_once() -> None:
    with Server() as server:
        seen = run(server.url, BASE | PLAN | {"processes": 2, "thresholds": ["put.ok > 300", "put.ok > 150"]})
    assert (seen.code, server.log.requests["PutItem"], len(seen.of("run.failed"))) == (3, PUTS, 1)
    assert seen.message == "put.ok > 300: was 300"
    assert (seen.results["verdict"], seen.results["exit_code"]) == ("failed", 3)


def test_a_plan_that_the_workers_cannot_keep_fails_the_run() -> None:
    with Server([rule({"delay_ms": 200}, operation="PutItem")]) as server:
        seen = run(server.url, BASE | {"plan": constant(100, 1.5), "connections": 2, "processes": 2})
    sent = server.log.requests["PutItem"]
    plan = seen.results["plan"]
    assert (seen.code, plan["planned"], plan["sent"], plan["never_sent"]) == (3, 150, sent, 150 - sent)
    assert (plan["kept"], "the plan was not kept" in seen.message) == (False, True)
    assert adds_up(seen.results)


def test_losses_of_every_worker_are_found() -> None:
    with Server([rule({"drop_write": True}, operation="PutItem", every=25)]) as server:
        seen = run(server.url, BASE | PLAN | {"processes": 3})
    dropped = numbers([key for injection in server.log.of("drop_write") for key in injection.keys])
    examples = seen.results["verification"]["examples"]["lost"]
    assert (seen.code, seen.results["verification"]["lost"]) == (4, 12)
    assert sorted(int(text.split()[1].rstrip(":")) for text in examples) == dropped


def test_workers_that_rewrite_few_keys_find_only_real_losses() -> None:
    """Workers that write few keys again and again raise no false alarm and find what is lost."""
    faults = [
        rule({"delay_ms": 15}, share=0.3, seed=1),
        rule({"lose_answer": "reset"}, operation=["PutItem", "UpdateItem", "DeleteItem"], share=0.04, seed=2),
        rule({"apply_late": {"ms": 60, "then": "reset"}}, operation=["PutItem", "UpdateItem"], share=0.03, seed=3),
        rule({"error": {"type": "InternalServerError"}}, operation=["PutItem", "UpdateItem"], share=0.04, seed=4),
    ]
    mix = {
        "put": {"weight": 2, "keys": "zipfian"},
        "insert": {"operation": "put", "weight": 1},
        "update": {"weight": 2, "keys": "latest"},
        "delete": {"weight": 1, "keys": "hot_set"},
        "batch_write": {"weight": 1, "items": 3},
    }
    # Far fewer keys than are inserted: they are written over and over.
    scenario = BASE | {"plan": constant(400, 1.5), "mix": mix, "keys": {"count": 60}, "processes": 3}
    with Server(faults) as server:
        seen = run(server.url, scenario)
    check = seen.results["verification"]
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert ([check[kind] for kind in BAD], check["checked"] == check["keys"] <= 60) == ([0, 0, 0], True)
    assert adds_up(seen.results)
    sweeps = BASE | {"plan": closed(3, 300), "keys": {"count": 30}, "processes": 3}
    with Server([rule({"drop_write": True}, operation="PutItem", numbers=[290, 300])]) as server:
        seen = run(server.url, sweeps)
    assert (seen.code, seen.results["verification"]["lost"]) == (4, 10)


# ---- Ends


def test_a_killed_worker_fails_the_run_and_others_are_kept() -> None:
    """A worker that is killed fails the run and the others figures are kept."""
    with Server() as server, Running(server.url, BASE | {"plan": constant(200, 3), "processes": 2}) as running:
        running.wait_for("run.progress")
        os.kill(workers_of(running)[0], signal.SIGKILL)
        seen = running.end()
    (summary,) = seen.of("run.summary")
    died = "1 of 2 workers died: SIGKILL; worker 0 of 2 left no summary: its figures are missing"
    assert (seen.code, seen.message, seen.errors) == (1, died, "")
    assert (summary["plan"]["sent"], summary["verification"]["present"]) == (300, 300)
    assert (seen.results["verdict"], seen.results["partial"]) == ("incomplete", True)
    assert any("of 2 left no summary" in text for text in seen.results["warnings"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_stops_all(number: signal.Signals) -> None:
    with Server() as server, Running(server.url, BASE | {"plan": constant(200, 60), "processes": 3}) as running:
        running.wait_for("run.progress")
        children = workers_of(running)
        running.send(number)
        seen = running.end()
    sent = server.log.requests["PutItem"]
    assert (seen.code, len(children), len(seen.of("run.summary"))) == (6, 3, 3)
    assert not any(is_there(pid, patience_s=1.0) for pid in children)
    assert (seen.results["verdict"], seen.results["partial"], seen.results["plan"]["sent"]) == ("stopped", True, sent)
    assert number.name in seen.message
    assert adds_up(seen.results)


def test_a_parent_that_is_killed_leaves_no_workers_behind() -> None:
    with Server() as server, Running(server.url, BASE | {"plan": constant(50, 60), "processes": 2}) as running:
        running.wait_for("run.progress")
        children = workers_of(running)
        running.send(signal.SIGKILL)
        left = [pid for pid in children if is_there(pid, patience_s=5.0)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert (len(children), left) == (2, [])


def test_a_parent_killed_before_the_start_lets_nothing_go() -> None:
    """Workers that wait for the start with their parent take its end for a stop, and send nothing."""
    together = {"DDBLOAD_CONTROL_TABLE": "test-control", "DDBLOAD_TASKS": "2"}
    scenario = BASE | {"plan": constant(50, 60), "processes": 2}
    with Server() as server, Running(server.url, scenario, **together) as running:
        running.wait_for("run.ready")
        children = workers_of(running)
        running.send(signal.SIGKILL)
        left = [pid for pid in children if is_there(pid, patience_s=5.0)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert (len(children), left, server.log.requests["PutItem"]) == (2, [], 0)


def is_there(pid: int, patience_s: float) -> bool:
    """Return whether a process still runs after a while in which it could have ended; a zombie does not."""
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s:
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
                return False
        except FileNotFoundError:
            return False
        time.sleep(0.05)
    return True


def test_cause_that_prevents_the_start_is_reported() -> None:
    with Server() as server:
        seen = run(server.url, BASE | PLAN | {"processes": 2, "table": "no-such-table"})
    assert (seen.code, "there is no table no-such-table" in seen.message) == (5, True)
    assert server.log.requests["PutItem"] == 0


def test_too_few_callers_for_the_workers_are_refused() -> None:
    with Server() as server:
        seen = run(server.url, BASE | {"plan": closed(2, 100), "processes": 3})
    assert (seen.code, server.log.requests["PutItem"]) == (2, 0)
    assert "processes: must not exceed the plan's callers, got 3" in seen.message


def test_every_worker_keeps_to_its_share_of_the_cost() -> None:
    plan = {"type": "closed", "concurrency": 8, "duration": 30}
    with Server([rule({"delay_ms": 5}, operation="PutItem")]) as server:
        seen = run(server.url, BASE | {"plan": plan, "max_cost": 0.0005, "processes": 2})
    assert (seen.code, seen.results["partial"]) == (6, True)
    assert "its cost: $" in seen.message
    assert seen.results["cost"]["write_units"] == server.log.requests["PutItem"]


# ---- Machines


@contextmanager
def metadata(task: str) -> Iterator[str]:
    """Serve what ECS tells a task about itself; yields where."""
    document = json.dumps({"TaskARN": f"arn:aws:ecs:us-east-1:123456789012:task/cluster/{task}"}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def lines(seen: Seen) -> list[str]:
    return [json.dumps(event, separators=(",", ":")) for event in seen.events]


def test_segments_on_two_machines_are_the_schedule_of_one() -> None:
    parts, tables = [], []
    scenario = BASE | {"plan": constant(200, 1), "mix": {"put": 3, "batch_write": {"items": 2}}}
    with Server() as server:
        assert run(server.url, scenario).code == 0
        tables.append(by_key(server.table))
    with Server() as server:
        for index in (0, 1):
            with metadata(f"task-{index}") as uri:
                parts.append(run(server.url, scenario, "--segment", f"{index}/2", ECS_CONTAINER_METADATA_URI_V4=uri))
        tables.append(by_key(server.table))
    assert [part.code for part in parts] == [0, 0]
    assert [part.results["plan"]["sent"] for part in parts] == [100, 100]
    assert tables[0] == tables[1]
    merged = merge.merge([line for part in parts for line in lines(part)])
    # They ran one after the other, which is not the plan's rate.
    assert (merged["verdict"], merged["partial"], len(merged["tasks"])) == ("failed", False, 2)
    assert "the tasks started up to" in merge.explain(merged)
    assert (merged["operations"]["put"]["sent"], merged["operations"]["batch_write"]["sent"]) == (150, 50)
    assert merged["verification"]["present"] == len(tables[0]) == 250
    assert adds_up(merged)


def test_processes_that_miss_a_threshold_are_not_cut_off() -> None:
    """Processes of a task that miss a threshold are not cut off."""
    with Server() as server, metadata("task-0") as uri:
        scenario = BASE | PLAN | {"processes": 2, "thresholds": ["put.ok > 300"]}
        seen = run(server.url, scenario, ECS_CONTAINER_METADATA_URI_V4=uri)
    assert {event["task_id"] for event in seen.events} == {"task-0"}
    assert (seen.code, seen.results["verdict"], seen.results["exit_code"]) == (3, "failed", 3)


def test_segments_outside_of_ecs_are_not_taken_for_one() -> None:
    with Server() as server:
        parts = [run(server.url, BASE | PLAN, "--segment", f"{index}/2") for index in (0, 1)]
        assert numbers(server.table) == list(range(PUTS))
    merged = merge.merge([line for part in parts for line in lines(part)])
    assert (merged["plan"]["sent"], merged["operations"]["put"]["ok"]) == (PUTS, PUTS)
    assert merged["verification"]["present"] == PUTS


def test_a_segment_is_split_again_over_processes() -> None:
    with Server() as server:
        for index in (0, 1):
            seen = run(server.url, BASE | PLAN | {"processes": 2}, "--segment", f"{index}/2")
            assert (seen.code, seen.results["plan"]["sent"]) == (0, PUTS // 2)
        assert numbers(server.table) == list(range(PUTS))
