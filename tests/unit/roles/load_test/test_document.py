# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role load_test validates the document that it sends to the tasks, for the number of tasks that it launches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[4]
ROLE = ROOT / "roles" / "load_test"
ARGUMENTS = {
    "load_test_deployed_table": "deployed-table",
    "load_test_settings_path": "/ddbload/test",
    "load_test_operations": "",
}
FIND_MAX = {"plan": {"type": "find_max"}, "thresholds": ["put.p99 < 20ms"]}
BEFORE_THE_LAUNCH = (
    "Take the scenario from the inventory",
    "Stop where load_test_otlp_endpoint is no URL, or holds a secret",
    "Say that the metrics may not reach the collector",
)


class Prepared(NamedTuple):
    """The role up to its launch: exit code, output, and the container's environment ({} where it stopped before)."""

    code: int
    output: str
    environment: dict[str, str]


def tasks() -> list[dict[str, Any]]:
    """Return the role's tasks."""
    found: list[dict[str, Any]] = yaml.safe_load((ROLE / "tasks" / "main.yml").read_text(encoding="utf-8"))
    return found


def prepare(directory: Path, **variables: Any) -> Prepared:
    """Run the role's validation, and render the environment that its launch task passes to ECS."""
    chosen = [task for task in tasks() if task["name"] in BEFORE_THE_LAUNCH]
    (launch,) = (task["gantry.ecs.ecs_task_run"] for task in tasks() if "gantry.ecs.ecs_task_run" in task)
    rendered = directory / "environment.json"
    content = launch["overrides"]["containers"][0]["environment"].replace("}}", "| to_json }}")
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(ROLE / "defaults" / "main.yml"), str(ROLE / "vars" / "main.yml")],
        "tasks": [*chosen, {"ansible.builtin.copy": {"content": content, "dest": str(rendered), "mode": "0600"}}],
    }
    playbook = directory / "playbook.yml"
    playbook.write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    given = {
        "env": "test",
        **ARGUMENTS,
        "ansible_python_interpreter": sys.executable,
        "__load_test_id": "r",
        "load_test_application": str(ROOT / "loadtest_app" / "src"),
    }
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", json.dumps(given | variables), str(playbook)],
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "default"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    environment = json.loads(rendered.read_text(encoding="utf-8")) if rendered.exists() else {}
    return Prepared(done.returncode, " ".join((done.stdout + done.stderr).split()), environment)


def test_what_is_sent_is_what_was_validated(tmp_path: Path) -> None:
    """The container gets the document with its deadline, and the table whose name was validated."""
    scenario = {"plan": {"type": "constant_rate", "rate": 5, "duration": 1}}
    done = prepare(tmp_path, load_test_scenario=scenario, load_test_timeout=900, load_test_task_count=3)
    assert done.code == 0, done.output
    assert json.loads(done.environment["DDBLOAD_SCENARIO"]) == scenario | {"deadline": 900}
    assert done.environment["DDBLOAD_TABLE"] == "deployed-table"


def test_tasks_with_a_control_table_may_search(tmp_path: Path) -> None:
    """A search over several tasks is validated with the control table that they get."""
    done = prepare(tmp_path, load_test_scenario=FIND_MAX, load_test_task_count=2, load_test_control_table="p-control")
    assert (done.code, done.environment.get("DDBLOAD_CONTROL_TABLE")) == (0, "p-control"), done.output


def test_an_image_without_control_table_refuses_its_segment(tmp_path: Path) -> None:
    """An older image reads DDBLOAD_SEGMENT alone: it sends nothing, where it would send the whole plan in each task."""
    done = prepare(tmp_path, load_test_scenario={}, load_test_task_count=2, load_test_control_table="p-control")
    command = [sys.executable, "-m", "ddbload", "run", "--table", "t-1"]
    known = {name: str(value) for name, value in done.environment.items() if not name.startswith("DDBLOAD_CONTROL")}
    environment = {"PYTHONPATH": str(ROOT / "loadtest_app" / "src")} | known
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    (line,) = map(json.loads, ended.stdout.splitlines())
    assert (ended.returncode, line["event"]) == (2, "run.failed")
    assert "which this image does not know: deploy again" in line["message"]


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"load_test_scenario": FIND_MAX, "load_test_task_count": 2}, "find_max in 2 tasks needs a control table"),
        ({"load_test_scenario": {}, "load_test_timeout": 1_000_000}, "deadline: must be a number from 0 to 864,000"),
        ({"load_test_scenario": {}, "load_test_table_name": "t"}, "table: must be the name of a DynamoDB table"),
    ],
)
def test_what_a_task_would_refuse_is_not_launched(variables: dict[str, Any], text: str, tmp_path: Path) -> None:
    done = prepare(tmp_path, **variables)
    assert (done.code, done.environment) == (2, {})
    assert text in done.output


def test_a_collector_gets_the_metrics_of_a_named_environment(tmp_path: Path) -> None:
    """What the user sets for the container outranks what the role adds."""
    given = {"load_test_scenario": {}, "load_test_otlp_endpoint": "https://otlp.example"}
    done = prepare(
        tmp_path, **given, network_egress="nat", load_test_environment={"OTEL_METRIC_EXPORT_INTERVAL": "1000"}
    )
    assert done.code == 0 and "security group" not in done.output, done.output
    found = {name: value for name, value in done.environment.items() if name.startswith("OTEL")}
    assert found == {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://otlp.example",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    }
    assert not any(name.startswith("OTEL") for name in prepare(tmp_path, load_test_scenario={}).environment)


@pytest.mark.parametrize(
    ("url", "egress"),
    [("https://otlp.example", "endpoints"), ("http://10.0.0.5:4318", "nat"), ("https://c:4318", "nat")],
)
def test_a_collector_out_of_reach_is_said_before_the_run(url: str, egress: str, tmp_path: Path) -> None:
    """The security group of the tasks lets HTTPS out, at its own port."""
    done = prepare(tmp_path, load_test_scenario={}, load_test_otlp_endpoint=url, network_egress=egress)
    assert done.code == 0
    assert f"send metrics to {url}. Their security group lets HTTPS out at port 443 alone" in done.output


@pytest.mark.parametrize("url", ["https://user:s3cret@otlp.example", "https://otlp.example?key=s3cret", "otlp.example"])
def test_a_url_with_a_secret_is_refused_unseen(url: str, tmp_path: Path) -> None:
    done = prepare(tmp_path, load_test_scenario={}, load_test_otlp_endpoint=url)
    assert (done.code, done.environment) == (2, {})
    assert "load_test_otlp_endpoint is no plain URL of a collector" in done.output and "s3cret" not in done.output
