# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight tasks of one run on the embedded AWS: each at once, and together at the control table."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest
from emulator_env import EmulatorEnv, Play

RATE, DURATION_S, TASKS = 80, 10, 8
SCENARIO = {"plan": {"type": "constant_rate", "rate": RATE, "duration": DURATION_S}, "connections": 16}
CONTROL_TABLE = "ddbload-local-control"


def run(emulator: EmulatorEnv, run_id: str, **variables: Any) -> tuple[Play, list[dict[str, Any]]]:
    """Run eight tasks; return the play, and the events of the run."""
    wanted = {"load_test_scenario": SCENARIO, "load_test_task_count": TASKS, "load_test_run_id": run_id}
    play = emulator.play("run-test.yml", "-e", json.dumps(wanted | variables))
    lines = (emulator.directory / "results" / "local" / run_id / "events.jsonl").read_text().splitlines()
    return play, [event for event in map(json.loads, lines) if "event" in event]


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def seconds(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["ts"]).timestamp()


def starts(events: list[dict[str, Any]]) -> list[float]:
    """Return the instant of each task's start, as its first progress has it."""
    first: dict[int, dict[str, Any]] = {}
    for event in of(events, "run.progress"):
        first.setdefault(event["worker"], event)
    return sorted(seconds(event) - event["elapsed_s"] for event in first.values())


def skew(events: list[dict[str, Any]]) -> float:
    """Return the seconds between the first task's start and the last one's."""
    return starts(events)[-1] - starts(events)[0]


def distortion(events: list[dict[str, Any]]) -> float:
    """Return the share of the plan that was sent in another wall second than planned."""
    sent: dict[int, float] = defaultdict(float)
    begun = starts(events)[0]
    for event in of(events, "run.progress"):
        interval = event["interval"]
        # Spread evenly over the two wall seconds that the interval touches.
        end = seconds(event) - begun
        start = end - interval["seconds"]
        for second in range(max(0, int(start)), int(end) + 1):
            shared = max(0.0, min(end, second + 1) - max(start, second))
            sent[second] += interval["sent"] * (shared / interval["seconds"] if interval["seconds"] else 0)
    asked = {second: RATE if second < DURATION_S else 0 for second in range(max(sent) + 1)}
    return sum(abs(asked[second] - sent[second]) for second in asked) / (RATE * DURATION_S)


def control_item(emulator: EmulatorEnv, run_id: str) -> dict[str, Any]:
    """Return the item of a run; each launch has its own key, so that a run id can be used again."""
    items = emulator.client("dynamodb").scan(TableName=CONTROL_TABLE)["Items"]
    (item,) = (one for one in items if one["run"]["S"].startswith(f"{run_id}/") and one["part"]["S"] == "run")
    return item


@pytest.mark.timeout(600)
def test_eight_tasks_start_at_one_instant(
    deployed: tuple[EmulatorEnv, Play], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the control table all tasks start together; without it each when it is ready, and the play says so."""
    emulator, _first = deployed
    alone, events_alone = run(emulator, "alone", load_test_control_table="")
    for run_id in ("together", "together-again"):
        play, events = run(emulator, run_id)
        assert play.code == 0, play.output
        # The reporter stamps its lines, and wakes late where the machine is busy: one more attempt.
        if skew(events) < 0.5 and distortion(events) < distortion(events_alone):
            break
    # Tasks that start too far apart send another load than the plan's, which fails their run.
    assert alone.code == 0 or "the tasks started up to" in alone.words, alone.output
    with capsys.disabled():
        for name, found in (("each at once", events_alone), ("together", events)):
            print(f"\n{name}: skew {skew(found):.3f} s, distortion {distortion(found):.1%}", end="")
    assert skew(events) < 0.5
    assert distortion(events) < distortion(events_alone)
    line = f"Each of the {TASKS} tasks starts when it is ready"
    assert (line in alone.words, line in play.words) == (True, False)
    (at,) = {event["start"]["at"] for event in of(events, "run.started")}
    assert sorted(event["segment"]["index"] for event in of(events, "run.started")) == list(range(TASKS))
    assert all(
        event["start"] == {"barrier": False, "at": None, "late_s": 0.0} for event in of(events_alone, "run.started")
    )
    item = control_item(emulator, run_id)
    assert item["state"] == {"S": "go"}
    assert set(item["ready"]["NS"]) == {str(index) for index in range(TASKS)}
    assert datetime.fromisoformat(at).timestamp() * 1000 == pytest.approx(int(item["go_at_ms"]["N"]), abs=2)


@pytest.mark.timeout(600)
def test_an_abort_in_one_task_stops_all(deployed: tuple[EmulatorEnv, Play]) -> None:
    """A threshold of the run's only one task may break: all stop, and the run fails."""
    emulator, _first = deployed
    scenario = SCENARIO | {
        "plan": {"type": "constant_rate", "rate": RATE, "duration": 60},
        "thresholds": [{"threshold": "ok < 1", "abort": True, "grace": 1}],
    }
    play, events = run(emulator, "aborted", load_test_scenario=scenario)
    assert play.code == 2
    item = control_item(emulator, "aborted")
    assert (item["state"], item["cause"], item["reason"]) == (
        {"S": "stop"},
        {"S": "threshold"},
        {"S": "the threshold ok < 1"},
    )
    # The plan takes 60 s; a busy machine reads the control table late.
    assert all(event["elapsed_s"] < 30 for event in of(events, "run.summary"))
