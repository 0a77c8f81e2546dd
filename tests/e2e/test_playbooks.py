# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks, run against the embedded AWS."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from emulator_env import ROOT, EmulatorEnv, Play
from results_bucket import BUCKET, PREFIX, make_bucket, results_bucket, uploaded

STACKS = ("network", "registry", "table", "cluster", "task", "observability")
SCENARIO = {
    "plan": {"type": "constant_rate", "rate": 100, "duration": 4},
    "mix": {"put": 3, "get": 1},
    "thresholds": ["failed == 0", "rate >= 95%"],
}


# What an operator's shell may hold: a proxy that does not respond, and credentials of another account.
PROXIES = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"), "http://127.0.0.1:9")
PROXIES |= {"NO_PROXY": "", "no_proxy": ""}
CREDENTIALS = {"AWS_PROFILE": "nobody", "AWS_ACCESS_KEY_ID": "AKIAOFSOMEBODY", "AWS_SECRET_ACCESS_KEY": "x" * 40}


def scenario(**changes: Any) -> list[str]:
    return ["-e", json.dumps({"load_test_scenario": SCENARIO | changes})]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def scan(emulator: EmulatorEnv, run_id: str) -> int:
    """Return the number of items that a run wrote."""
    pages = (
        emulator.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName="ddbload-local",
            FilterExpression="#run = :run",
            ExpressionAttributeNames={"#run": "run"},
            ExpressionAttributeValues={":run": {"S": run_id}},
        )
    )
    return sum(page["Count"] for page in pages)


def test_a_first_deploy_builds_every_stack(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, first = deployed
    stacks = emulator.stacks("ddbload")
    assert set(stacks) == set(STACKS)
    assert set(stacks.values()) == {"CREATE_COMPLETE"}
    # The emulator, ECS's service-linked role, two sets of stacks and the image.
    assert first.changed == 5


@pytest.mark.parametrize(
    ("playbook", "environment"),
    [("playbooks/deploy.yml", PROXIES), ("gantry.ecs.deploy", CREDENTIALS)],
    ids=["from its folder, with a proxy", "by its full name, with credentials"],
)
def test_a_second_deploy_changes_nothing(
    deployed: tuple[EmulatorEnv, Play], playbook: str, environment: dict[str, str]
) -> None:
    """A second deploy changes nothing: neither a proxy nor the credentials of the operator reach the embedded AWS."""
    emulator, _first = deployed
    second = emulator.play(playbook, **environment)
    assert second.code == 0, second.output
    assert second.changed == 0


def test_run_is_shown_live_and_agrees_with_the_table(deployed: tuple[EmulatorEnv, Play]) -> None:
    """A run is shown live, its results agree with the table, and they are in the bucket."""
    emulator, _first = deployed
    make_bucket(emulator)
    play = emulator.play("run-test.yml", *scenario(), *results_bucket())
    assert play.code == 0
    assert "the plan peaks at 100 operations a second: " in play.words and "load_test_timeout" not in play.words
    assert "launching 1 task(s) of ddbload-local:" in play.output
    assert "RUNNING after" in play.output
    assert play.output.index("sent") < play.output.index("verdict: PASSED (exit code 0)")
    folder = emulator.newest_run()
    assert uploaded(emulator, folder)
    assert f"Uploaded to s3://{BUCKET}/{PREFIX}/local/{folder.name}" in play.words
    results = json.loads((folder / "results.json").read_text())
    assert (results["verdict"], results["exit_code"], results["partial"]) == ("passed", 0, False)
    assert results["tasks"][0]["exit_code"] == 0
    assert {name: part["sent"] for name, part in results["operations"].items()} == {"put": 300, "get": 100}
    assert results["operations"]["put"]["ok"] == scan(emulator, results["run_id"]) == 300
    page = (folder / "report.html").read_text()
    assert results["run_id"] in page
    assert 'src="http' not in page and 'href="http' not in page
    # Only the task's log holds the results.
    stream = f"task/ddbload/{results['tasks'][0]['task_id']}"
    logged = emulator.client("logs").get_log_events(
        logGroupName="/ddbload/local", logStreamName=stream, startFromHead=True, limit=10000
    )
    lines = (folder / "events.jsonl").read_text().splitlines()
    assert lines == [event["message"] for event in logged["events"]]


def test_json_callback_writes_stdout_alone(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, _first = deployed
    # A first deploy under another name, so that it creates a stack.
    other = ["-e", json.dumps({"ddbload_project": "json"})]
    lines = {"playbooks/build.yml": (other, "creating stack"), "run-test.yml": (scenario(), "launching 1 task(s)")}
    for playbook, (arguments, line) in lines.items():
        play = emulator.play(playbook, *arguments, apart=True, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
        assert play.code == 0, play.output + play.errors
        assert set(json.loads(play.output)) >= {"plays", "stats"}
        assert line in play.errors


@pytest.fixture(scope="module")
def compared(deployed: tuple[EmulatorEnv, Play]) -> tuple[Path, Play]:
    """A run whose directory others may read beforehand, and a run that is compared with it and with an earlier one.

    Returns:
        The directory of the environment's results, and the second run.
    """
    emulator, _first = deployed
    results = emulator.directory / "results" / "local"
    (results / "before" / "deeper").mkdir(parents=True)
    for path in (results, results / "before", results / "before" / "deeper"):
        path.chmod(0o755)
    (results / "before" / "results.json").write_text("of an earlier run")
    (results / "before" / "results.json").chmod(0o644)
    outside = emulator.directory / "outside"
    outside.write_text("another user's")
    outside.chmod(0o644)
    (results / "before" / "link").symlink_to(outside)
    # A comparison needs at least ten seconds; its result on a busy machine is chance.
    longer = scenario(plan={"type": "constant_rate", "rate": 50, "duration": 15}, thresholds=["failed == 0"])
    assert emulator.play("run-test.yml", *longer, "-e", "load_test_run_id=before").code == 0
    earlier = json.loads((results / "before" / "results.json").read_text()) | {"run_id": "earlier"}
    (results / "earlier").mkdir()
    (results / "earlier" / "results.json").write_text(json.dumps(earlier))
    # A run id that YAML reads as a boolean, as an inventory may have it: tasks and results have the same name.
    play = emulator.play("run-test.yml", *longer, "-e", "baseline=before,earlier", "-e", '{"load_test_run_id": true}')
    return results, play


def test_a_run_is_compared_with_a_baseline(compared: tuple[Path, Play]) -> None:
    results, play = compared
    assert "1 run (True) beside 2 baselines (before, earlier)" in play.words
    assert "one side has one run" in play.words
    assert "verdict: PASSED (exit code 0)" in play.words
    files = {path.name for path in (results / "True").iterdir()}
    assert files >= {
        "events.jsonl",
        "results.json",
        "report.html",
        "junit.xml",
        "comparison.html",
        "junit-comparison.xml",
    }
    assert play.code in (0, 2)
    if play.code:
        assert f"look at {results}/True/comparison.html" in play.words


def test_results_are_private_to_their_owner(compared: tuple[Path, Play]) -> None:
    """Results are private to their owner, also where the directory existed before."""
    results, _play = compared
    runs = [path for name in ("before", "True") for path in [results / name, *(results / name).rglob("*")]]
    found = [path for path in [results, *runs] if not path.is_symlink()]
    assert {mode(path) for path in found if path.is_dir()} == {0o700}
    assert {mode(path) for path in found if path.is_file()} == {0o600}
    assert mode(results.parents[1] / "outside") == 0o644


def test_missing_baseline_launches_nothing(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, _first = deployed
    ecs = emulator.client("ecs")
    before = len(ecs.list_tasks(cluster="ddbload-local", desiredStatus="STOPPED")["taskArns"])
    play = emulator.play("run-test.yml", *scenario(), "-e", '{"baseline": ["nowhere", "never"]}')
    assert play.code == 2
    assert "never/results.json -> " in play.words
    assert "name the baseline by its run id, or by the path of its results.json" in play.words
    assert len(ecs.list_tasks(cluster="ddbload-local", desiredStatus="STOPPED")["taskArns"]) == before


def test_tasks_share_the_plan_and_have_one_verdict(deployed: tuple[EmulatorEnv, Play]) -> None:
    """Several tasks share the plan, have one verdict, and a second call finds them."""
    emulator, _first = deployed
    several = [*scenario(), "-e", json.dumps({"load_test_task_count": 3, "load_test_run_id": "three"})]
    for is_again in (False, True):
        # A passed run whose results are not in the bucket fails the play, in one line, and the local results stay.
        play = emulator.play("run-test.yml", *several, *(results_bucket("no-such-bucket") if is_again else []))
        assert play.code == (2 if is_again else 0)
        assert (f"s3://no-such-bucket/{PREFIX}/local/three: " in play.words) == is_again
        assert ("-> create the bucket, or correct results_bucket; they are in" in play.words) == is_again
        assert "Passed. Results: " in play.words
        assert ("found 3 of 3 task(s) that were launched with this client_token before" in play.words) == is_again
        results = json.loads((emulator.directory / "results" / "local" / "three" / "results.json").read_text())
        assert len({task["task_id"] for task in results["tasks"]}) == 3
        assert {name: part["sent"] for name, part in results["operations"].items()} == {"put": 300, "get": 100}
        assert results["verification"]["present"] == scan(emulator, "three") == 300


def test_threshold_missed_by_all_tasks_fails_the_play(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, _first = deployed
    arguments = ["-e", "load_test_task_count=2", *results_bucket()]
    play = emulator.play("run-test.yml", *scenario(thresholds=["put.p99 < 1us"]), *arguments)
    assert play.code == 2
    # The results of a failed run matter most.
    assert uploaded(emulator, emulator.newest_run())
    assert "exit code 3, what the tasks reached together: put.p99 < 1us: was" in play.words


def test_failing_command_fails_the_play(deployed: tuple[EmulatorEnv, Play]) -> None:
    """A failing command fails the play with its exit code and its last lines."""
    emulator, _first = deployed
    command = ["python3", "-c", "import sys; print('first words'); print('last words'); sys.exit(41)"]
    arguments = ["-e", json.dumps({"load_test_command": command}), *results_bucket("no-such-bucket")]
    play = emulator.play("run-test.yml", *scenario(), *arguments)
    assert play.code == 2
    # A missing bucket does not hide the verdict, which comes last.
    assert "were not uploaded to s3://no-such-bucket/" in play.words
    verdict = play.words[play.words.index("TASK [gantry.ecs.load_test : Report the verdict]") :]
    assert "exit code 41" in verdict
    assert "first words" in verdict
    assert "last words" in verdict


def test_missing_table_is_one_clear_line(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, _first = deployed
    play = emulator.play("run-test.yml", *scenario(), "-e", "load_test_table_name=nowhere")
    assert (play.code, play.changed) == (2, 0)
    assert "table nowhere does not exist in us-east-1 -> make it, or fix its name" in play.words


def test_a_scenario_with_a_bad_field_launches_nothing(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, _first = deployed
    ecs = emulator.client("ecs")
    before = len(ecs.list_tasks(cluster="ddbload-local", desiredStatus="STOPPED")["taskArns"])
    play = emulator.play("run-test.yml", *scenario(plan={"type": "constant_rate", "rate": "fast"}))
    assert play.code == 2
    assert "scenario: plan.rate: must be a number from 0" in play.words
    assert len(ecs.list_tasks(cluster="ddbload-local", desiredStatus="STOPPED")["taskArns"]) == before
    assert ecs.list_tasks(cluster="ddbload-local", desiredStatus="RUNNING")["taskArns"] == []


def test_overrunning_run_is_stopped(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, _first = deployed
    slow = {"type": "constant_rate", "rate": 10, "duration": 120}
    play = emulator.play("run-test.yml", *scenario(plan=slow), "-e", "load_test_timeout=6")
    assert play.code == 2
    assert emulator.client("ecs").list_tasks(cluster="ddbload-local", desiredStatus="RUNNING")["taskArns"] == []
    results = json.loads((emulator.newest_run() / "results.json").read_text())
    assert results["partial"]


def test_ctrl_c_stops_the_task(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, _first = deployed
    ecs = emulator.client("ecs")
    variables = {
        "env": "local",
        "local_aws_port": emulator.port,
        "load_test_results_directory": str(emulator.directory / "results"),
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


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (None, "No environment is named"),
        ("nowhere", 'There is no environment "nowhere"'),
        ("all", 'There is no environment "all"'),
    ],
)
def test_an_unknown_environment_is_one_clear_line(emulator: EmulatorEnv, env: str | None, words: str) -> None:
    for playbook in ("deploy.yml", "run-test.yml"):
        play = emulator.play(playbook, env=env)
        assert play.code != 0
        assert f"{words}: call with -e env=NAME, where NAME is one of dev, local, prod, staging." in play.words


@pytest.mark.parametrize("option", ["--tags", "--skip-tags"])
def test_a_tag_that_would_leave_a_part_out_is_refused(emulator: EmulatorEnv, option: str) -> None:
    """Ansible would pass a deploy by that did nothing."""
    for playbook in ("deploy.yml", "run-test.yml"):
        play = emulator.play(playbook, option, "network")
        assert play.code == 2
        assert (
            "The playbook has no tags (network), since each of its tasks needs those before it -> call it without"
            in play.words
        )


def test_the_listed_playbooks_have_no_tag_but_always(emulator: EmulatorEnv) -> None:
    for playbook in ("deploy.yml", "run-test.yml", "run-job.yml", "playbooks/drift.yml", "playbooks/teardown.yml"):
        play = emulator.play(playbook, "--list-tags")
        assert play.code == 0
        assert set(re.findall(r"TAGS: \[([^\]]*)\]", play.output)) == {"", "always"}


@pytest.mark.parametrize("playbook", ["deploy", "run-test", "run-job", "drift", "rollback", "teardown", "local-aws"])
def test_a_listed_task_has_no_template_in_its_name(emulator: EmulatorEnv, playbook: str) -> None:
    play = emulator.play(f"playbooks/{playbook}.yml", "--list-tasks")
    assert play.code == 0
    assert "{{" not in play.output


def test_a_wrong_profile_is_one_clear_line_and_touches_nothing(emulator: EmulatorEnv) -> None:
    play = emulator.play("deploy.yml", env="dev", AWS_PROFILE="nobody", AWS_CONFIG_FILE="/dev/null")
    assert play.code == 2
    assert "profile nobody" in play.words
    assert "set AWS_PROFILE to a profile of ~/.aws/config" in play.words
    assert play.changed == 0


def test_a_port_in_use_is_one_clear_line_and_leaves_nothing(emulator: EmulatorEnv, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        play = emulator.play(
            "deploy.yml", "-e", json.dumps({"local_aws_port": port, "local_aws_directory": str(tmp_path)})
        )
    assert play.code == 2
    assert f"{port}" in play.words
    assert "-e local_aws_port=" in play.words
    assert not list(tmp_path.glob("*.pid"))


def test_a_run_before_a_deploy_says_what_to_do(emulator: EmulatorEnv) -> None:
    play = emulator.play("run-test.yml", "-e", "ddbload_project=other")
    assert play.code == 2
    assert "deploy the environment first, ansible-playbook deploy.yml -e env=local" in play.words
