# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks, run for real against the embedded AWS."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from playground import ROOT, Place, Play

STACKS = ("network", "registry", "table", "cluster", "observability")
SCENARIO = {
    "plan": {"type": "constant_rate", "rate": 100, "duration": 4},
    "mix": {"put": 3, "get": 1},
    "thresholds": ["failed == 0", "rate >= 95%"],
}


def scenario(**changes: Any) -> list[str]:
    return ["-e", json.dumps({"load_test_scenario": SCENARIO | changes})]


def scan(place: Place, run_id: str) -> int:
    """Count the items that a run wrote."""
    pages = (
        place.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName="ddbload-local",
            FilterExpression="#run = :run",
            ExpressionAttributeNames={"#run": "run"},
            ExpressionAttributeValues={":run": {"S": run_id}},
        )
    )
    return sum(page["Count"] for page in pages)


def test_a_first_deploy_builds_every_stack(deployed: tuple[Place, Play]) -> None:
    place, first = deployed
    stacks = {stack["StackName"]: stack for stack in place.client("cloudformation").describe_stacks()["Stacks"]}
    assert set(stacks) == {f"ddbload-local-{stack}" for stack in STACKS}
    assert {stack["StackStatus"] for stack in stacks.values()} == {"CREATE_COMPLETE"}
    # The emulator, ECS's service-linked role, five stacks and the image.
    assert first.changed == 8


def test_a_second_deploy_changes_nothing(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    second = place.play("deploy.yml")
    assert (second.code, second.changed) == (0, 0)


def test_the_operators_proxy_does_not_stand_between(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"), "http://127.0.0.1:9")
    play = place.play("deploy.yml", NO_PROXY="", no_proxy="", **proxies)
    assert play.code == 0, play.output
    assert play.changed == 0


def test_a_run_is_shown_live_and_its_results_agree_with_the_table(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    play = place.play("run-test.yml", *scenario())
    assert play.code == 0
    assert "launching 1 task(s) of ddbload-local:" in play.output
    assert "RUNNING after" in play.output
    assert play.output.index("sent") < play.output.index("verdict: PASSED (exit code 0)")
    folder = place.newest_run()
    results = json.loads((folder / "results.json").read_text())
    assert (results["verdict"], results["exit_code"], results["partial"]) == ("passed", 0, False)
    assert results["tasks"][0]["exit_code"] == 0
    assert {name: part["sent"] for name, part in results["operations"].items()} == {"put": 300, "get": 100}
    assert results["operations"]["put"]["ok"] == scan(place, results["run_id"]) == 300
    page = (folder / "report.html").read_text()
    assert results["run_id"] in page
    assert 'src="http' not in page and 'href="http' not in page
    # The results come from the task's log alone.
    stream = f"task/ddbload/{results['tasks'][0]['task_id']}"
    logged = place.client("logs").get_log_events(
        logGroupName="/ddbload/local", logStreamName=stream, startFromHead=True, limit=10000
    )
    lines = (folder / "events.jsonl").read_text().splitlines()
    assert lines == [event["message"] for event in logged["events"]]


def test_a_json_callback_has_stdout_to_itself(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    # A first deploy under another name, so that a stack is made.
    other = ["-e", json.dumps({"ddbload_project": "json"})]
    lines = {"playbooks/build.yml": (other, "creating stack"), "run-test.yml": (scenario(), "launching 1 task(s)")}
    for playbook, (arguments, line) in lines.items():
        play = place.play(playbook, *arguments, apart=True, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
        assert play.code == 0, play.output + play.errors
        assert set(json.loads(play.output)) >= {"plays", "stats"}
        assert line in play.errors


def test_a_run_is_compared_with_a_baseline(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    # A comparison wants ten seconds at least; what it comes to on a busy machine is chance.
    longer = scenario(plan={"type": "constant_rate", "rate": 50, "duration": 15}, thresholds=["failed == 0"])
    assert place.play("run-test.yml", *longer, "-e", "load_test_run_id=before").code == 0
    play = place.play("run-test.yml", *longer, "-e", "baseline=before", "-e", "load_test_run_id=after")
    assert "run after beside the baseline before" in play.words
    assert "verdict: PASSED (exit code 0)" in play.words
    folder = place.directory / "results" / "local" / "after"
    assert (folder / "comparison.html").exists()
    if play.code:
        assert f"look at {folder}/comparison.html" in play.words


def test_a_baseline_that_is_not_there_launches_nothing(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    ecs = place.client("ecs")
    before = len(ecs.list_tasks(cluster="ddbload-local", desiredStatus="STOPPED")["taskArns"])
    play = place.play("run-test.yml", *scenario(), "-e", "baseline=nowhere")
    assert play.code == 2
    assert "name the baseline by its run id, or by the path of its results.json" in play.words
    assert len(ecs.list_tasks(cluster="ddbload-local", desiredStatus="STOPPED")["taskArns"]) == before


def test_several_tasks_share_the_plan_and_are_judged_as_one_and_found_again(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    several = [*scenario(), "-e", json.dumps({"load_test_task_count": 3, "load_test_run_id": "three"})]
    for is_again in (False, True):
        play = place.play("run-test.yml", *several)
        assert play.code == 0
        assert ("found 3 of 3 task(s) that were launched with this client_token before" in play.words) == is_again
        results = json.loads((place.directory / "results" / "local" / "three" / "results.json").read_text())
        assert len({task["task_id"] for task in results["tasks"]}) == 3
        assert {name: part["sent"] for name, part in results["operations"].items()} == {"put": 300, "get": 100}
        assert results["verification"]["present"] == scan(place, "three") == 300


def test_a_threshold_that_the_tasks_miss_together_fails_the_play(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    play = place.play("run-test.yml", *scenario(thresholds=["put.p99 < 1us"]), "-e", "load_test_task_count=2")
    assert play.code == 2
    assert "exit code 3, what the tasks reached together: put.p99 < 1us: was" in play.words


def test_a_missed_threshold_fails_the_play_and_keeps_the_results(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    play = place.play("run-test.yml", *scenario(thresholds=["put.p99 < 1us"]))
    assert play.code == 2
    assert "exit code 3" in play.words
    assert "put.p99 < 1us: was" in play.words
    assert json.loads((place.newest_run() / "results.json").read_text())["verdict"] == "failed"


def test_a_failing_command_fails_the_play_with_its_exit_code_and_last_lines(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    command = ["python3", "-c", "import sys; print('first words'); print('last words'); sys.exit(41)"]
    play = place.play("run-test.yml", *scenario(), "-e", json.dumps({"load_test_command": command}))
    assert play.code == 2
    verdict = play.words[play.words.index("TASK [gantry.ecs.load_test : Report the verdict]") :]
    assert "exit code 41" in verdict
    assert "first words" in verdict
    assert "last words" in verdict


def test_a_table_that_is_not_there_is_one_clear_line(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    play = place.play("run-test.yml", *scenario(), "-e", "load_test_table_name=nowhere")
    assert (play.code, play.changed) == (2, 0)
    assert "table nowhere does not exist in us-east-1 -> make it, or mend its name" in play.words


def test_a_scenario_with_a_bad_field_launches_nothing(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    ecs = place.client("ecs")
    before = len(ecs.list_tasks(cluster="ddbload-local", desiredStatus="STOPPED")["taskArns"])
    play = place.play("run-test.yml", *scenario(plan={"type": "constant_rate", "rate": "fast"}))
    assert play.code == 2
    assert "scenario: plan.rate: must be a number from 0" in play.words
    assert len(ecs.list_tasks(cluster="ddbload-local", desiredStatus="STOPPED")["taskArns"]) == before
    assert ecs.list_tasks(cluster="ddbload-local", desiredStatus="RUNNING")["taskArns"] == []


def test_a_run_that_takes_too_long_is_stopped(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    slow = {"type": "constant_rate", "rate": 10, "duration": 120}
    play = place.play("run-test.yml", *scenario(plan=slow), "-e", "load_test_timeout=6")
    assert play.code == 2
    assert place.client("ecs").list_tasks(cluster="ddbload-local", desiredStatus="RUNNING")["taskArns"] == []
    results = json.loads((place.newest_run() / "results.json").read_text())
    assert results["partial"]


def test_ctrl_c_stops_the_task(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    ecs = place.client("ecs")
    variables = {
        "env": "local",
        "local_aws_port": place.port,
        "load_test_results_directory": str(place.directory / "results"),
        "load_test_scenario": SCENARIO | {"plan": {"type": "constant_rate", "rate": 10, "duration": 120}},
    }
    process = subprocess.Popen(
        ["ansible-playbook", "run-test.yml", "-e", json.dumps(variables)],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    while line := process.stdout.readline():
        if "  sent " in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    deadline = time.monotonic() + 30
    while ecs.list_tasks(cluster="ddbload-local", desiredStatus="RUNNING")["taskArns"]:
        assert time.monotonic() < deadline, "the task goes on after Ctrl-C"
        time.sleep(0.5)


def test_playbooks_run_from_their_folder_and_by_their_full_name(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    for playbook in ("playbooks/deploy.yml", "gantry.ecs.deploy"):
        play = place.play(playbook)
        assert (play.code, play.changed) == (0, 0)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (None, "No environment is named"),
        ("nowhere", 'There is no environment "nowhere"'),
        ("all", 'There is no environment "all"'),
    ],
)
def test_an_unknown_environment_is_one_clear_line(place: Place, env: str | None, words: str) -> None:
    for playbook in ("deploy.yml", "run-test.yml"):
        play = place.play(playbook, env=env)
        assert play.code != 0
        assert f"{words}: call with -e env=NAME, where NAME is one of dev, local, prod, staging." in play.words


def test_a_wrong_profile_is_one_clear_line_and_touches_nothing(place: Place) -> None:
    play = place.play("deploy.yml", env="dev", AWS_PROFILE="nobody", AWS_CONFIG_FILE="/dev/null")
    assert play.code == 2
    assert "profile nobody" in play.words
    assert "set AWS_PROFILE to a profile of ~/.aws/config" in play.words
    assert play.changed == 0


def test_the_operators_own_credentials_stay_out_of_the_embedded_aws(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    play = place.play(
        "deploy.yml", AWS_PROFILE="nobody", AWS_ACCESS_KEY_ID="AKIAOFSOMEBODY", AWS_SECRET_ACCESS_KEY="x" * 40
    )
    assert (play.code, play.changed) == (0, 0)


def test_a_port_in_use_is_one_clear_line_and_leaves_nothing(place: Place, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        play = place.play(
            "deploy.yml", "-e", json.dumps({"local_aws_port": port, "local_aws_directory": str(tmp_path)})
        )
    assert play.code == 2
    assert f"{port}" in play.words
    assert "-e local_aws_port=" in play.words
    assert not list(tmp_path.glob("*.pid"))


def test_a_run_before_a_deploy_says_what_to_do(place: Place) -> None:
    play = place.play("run-test.yml", "-e", "ddbload_project=other")
    assert play.code == 2
    assert "build the place first, ansible-playbook deploy.yml -e env=local" in play.words
