# SPDX-License-Identifier: Apache-2.0
"""One of several workers fails: the others continue, its events count, the missing ones are reported, its items go."""

from pathlib import Path
from typing import Any

import pytest
from command import SOURCE, Scenario, Seen, after, closed, constant, killed, rule, run
from server import Server

# Longer than the five seconds to the first checkpoint.
LONG = {"connections": 16, "timeout": 0.5, "item": {"size": 200}, "plan": constant(100, 7.5), "processes": 2}
SHORT = LONG | {"plan": constant(200, 2.5)}
BAD = ("lost", "corrupt", "phantom")
# Stands for an unknown fault: only in worker 0, after a second of load.
BROKEN = """
import os
if os.environ.get("DDBLOAD_WORKER") == "0":
    from ddbload.run.reporter import Reporter
    def progress(self, now=None):
        {fault}
    Reporter._progress = progress
"""


def broken(url: str, scenario: Scenario, fault: str, folder: Path) -> Seen:
    """Break worker 0 from within."""
    (folder / "sitecustomize.py").write_text(BROKEN.format(fault=fault))
    return run(url, scenario, PYTHONPATH=f"{folder}:{SOURCE}")


def warning(seen: Seen) -> str:
    (text,) = (text for text in seen.results["warnings"] if "left no summary" in text)
    return str(text)


def test_last_events_of_a_killed_worker_count() -> None:
    with Server() as server:
        seen = killed(server.url, LONG, 5.5)
        stored = len(server.table)
    (summary,) = seen.of("run.summary")
    last = [event for event in seen.of("run.checkpoint") if event["worker"] == 0][-1]
    # The progress of both is reported as one.
    assert {event["worker"] for event in seen.of("run.progress")} == {0}
    reported = sum(event["interval"]["sent"] for event in seen.of("run.progress"))
    died = seen.last("run.died")["total"]["sent"]
    assert seen.results["plan"]["sent"] == summary["plan"]["sent"] + died == reported
    assert seen.results["operations"]["put"]["sent"] == summary["plan"]["sent"] + last["plan"]["sent"]
    assert seen.results["operations"]["put"]["sent"] < seen.results["plan"]["sent"] <= stored
    assert (seen.code, seen.results["verdict"], seen.results["exit_code"]) == (1, "incomplete", 1)
    text = f"worker 0 of 2 left no summary: its figures end {last['elapsed_s']:g} s after the start"
    assert (seen.message, warning(seen)) == (f"1 of 2 workers died: SIGKILL; {text}", text)


def test_the_unknown_writes_of_a_killed_worker_are_not_lost(tmp_path: Path) -> None:
    with Server() as server:
        seen = killed(server.url, SHORT, 1.0)
        stored = len(server.table)
        check = seen.results["verification"]
        assert [check[kind] for kind in BAD] == [0, 0, 0]
        assert (check["present"], check["complete"]) == (250, False)
        keys = seen.results["keys"]
        # Every key of the other worker, and any due key of the killed one.
        assert (keys["acknowledged"], keys["indeterminate"] >= stored - 250 > 0) == (250, True)
        code, found = after("verify", seen, server.url, tmp_path)
        assert (code, found["present"], found["lost_at_least"]) == (0, stored, 0)
        code, found = after("clean", seen, server.url, tmp_path, "--rate=0")
        assert (code, found["deleted"]) == (0, stored)
        assert server.table == []


MIXES: dict[str, Any] = {
    "inserts": {"mix": {"put": 3, "batch_write": {"items": 2}}},
    "rewrites": {"mix": {"insert": {"operation": "put", "weight": 2}, "update": {"weight": 1, "keys": "uniform"}}},
    "one set of keys": {"mix": {"put": {"keys": "uniform"}}, "keys": {"count": 60}},
    "poisson": {"plan": constant(200, 2.5) | {"arrivals": "poisson"}},
    "callers": {"plan": closed(4, 4000), "connections": 4},
    "callers, for a time": {
        "plan": {"type": "closed", "concurrency": 4, "duration": 2.5},
        "connections": 4,
        "keys": {"count": 20_000},
    },
}


@pytest.mark.parametrize("name", MIXES)
def test_a_killed_workers_items_are_cleaned_up(name: str) -> None:
    scenario = SHORT | {"cleanup": {"rate": 0}} | MIXES[name]
    # Slow enough that callers are not done before one is killed.
    with Server([rule({"delay_ms": 2}, operation="PutItem")]) as server:
        run(
            server.url,
            LONG | {"plan": closed(8, 100), "processes": 1, "keys": {"prefix": "theirs"}},
            "--run-id",
            "theirs",
        )
        seen = killed(server.url, scenario, 0.9)
        assert {item["run"]["S"] for item in server.table} == {"theirs"}
        assert len(server.table) == 100
    (death,) = seen.of("run.died")
    assert (death["worker"], death["how"], death["cleanup"]["complete"]) == (0, "SIGKILL", True)
    assert death["elapsed_s"] > 0.9 and death["total"]["sent"] > 0
    assert 0 < death["cleanup"]["deleted"] <= death["keys"]["indeterminate"]
    assert (seen.code, seen.results["verdict"], seen.results["cleanup"]["complete"]) == (1, "incomplete", True)
    assert warning(seen).endswith(f"; its items were cleaned up, {death['cleanup']['deleted']:,} of them")
    assert [seen.results["verification"][kind] for kind in BAD] == [0, 0, 0]


def test_the_cleanup_after_a_death_keeps_to_the_workers_segment() -> None:
    with Server() as server:
        seen = killed(server.url, SHORT | {"cleanup": True}, 0.9, "--segment", "1/2", worker=1)
        deletes = server.log.requests["DeleteItem"]
        assert server.table == []
    (death,) = seen.of("run.died")
    # Every fourth operation is that of the killed worker: about 50 a second while it ran.
    assert (death["worker"], deletes) == (1, death["keys"]["indeterminate"])
    assert 40 < deletes < 125


def test_a_failed_cleanup_reports_what_remains() -> None:
    script = [
        {"when": {"operation": "DeleteItem"}, "what": {"error": {"type": "AccessDeniedException", "message": "no"}}}
    ]
    with Server(script) as server:
        seen = killed(server.url, SHORT | {"cleanup": True}, 0.9)
        assert len(server.table) > 0
    assert (seen.code, seen.results["cleanup"]["complete"]) == (1, False)
    assert warning(seen).endswith(
        "the table could not be cleaned: AccessDeniedException: no, and items whose run is r may remain: "
        "ddbload clean deletes them"
    )
    assert warning(seen) in seen.message


def test_the_cleanup_after_a_death_keeps_to_max_cost() -> None:
    # Two workers, each with half of the keys: the limit pays for few of the 20,000 keys.
    scenario = SHORT | MIXES["callers, for a time"] | {"cleanup": {"rate": 0}, "max_cost": 0.01}
    # Slow, so that the load alone stays below the limit.
    with Server([rule({"delay_ms": 20}, operation="PutItem")]) as server:
        seen = killed(server.url, scenario, 0.9)
        spent = server.log.requests["DeleteItem"]
    (death,) = seen.of("run.died")
    assert death["cleanup"]["complete"] is False
    assert "came to its share of max_cost, $0.0050" in warning(seen)
    assert spent * 0.625e-6 <= 0.0051


@pytest.mark.parametrize(("fault", "how"), [("os._exit(0)", "exit code 0"), ("os._exit(9)", "exit code 9")])
def test_an_early_end_of_a_worker_counts_as_its_death(fault: str, how: str, tmp_path: Path) -> None:
    with Server() as server:
        seen = broken(server.url, SHORT | {"cleanup": True}, fault, tmp_path)
        assert server.table == []
    (summary,) = seen.of("run.summary")
    assert (summary["worker"], summary["plan"]["sent"], summary["exit_code"]) == (1, 250, 0)
    assert (seen.code, seen.results["exit_code"], seen.results["verdict"]) == (1, 1, "incomplete")
    assert seen.message == f"1 of 2 workers died: {how}; {warning(seen)}"


def test_a_fault_of_one_worker_ends_only_that_worker(tmp_path: Path) -> None:
    with Server() as server:
        seen = broken(server.url, SHORT | {"cleanup": True}, "raise KeyError('fault')", tmp_path)
        stored = server.table
    summaries = {event["worker"]: event for event in seen.of("run.summary")}
    assert (summaries[1]["plan"]["sent"], summaries[1]["exit_code"], summaries[0]["exit_code"]) == (250, 0, 1)
    assert seen.results["plan"]["sent"] == 250 + summaries[0]["plan"]["sent"] < 500
    assert (seen.code, seen.results["verdict"], seen.of("run.died"), stored) == (1, "incomplete", [], [])
    assert any("KeyError" in text for text in seen.results["failures"])


def test_a_worker_that_dies_before_the_start_has_written_nothing(tmp_path: Path) -> None:
    fault = "import os\nif os.environ.get('DDBLOAD_WORKER') == '0':\n    os._exit(9)\n"
    (tmp_path / "sitecustomize.py").write_text(fault)
    with Server() as server:
        seen = run(server.url, SHORT | {"cleanup": True}, PYTHONPATH=f"{tmp_path}:{SOURCE}")
        assert server.table == []
    assert (seen.code, seen.of("run.died")) == (1, [])
    assert "1 of 2 workers died: exit code 9" in seen.message
