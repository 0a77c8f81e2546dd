# SPDX-License-Identifier: Apache-2.0
"""The benchmark of preflight and of deploys with nothing to do: its bare calls, and what it refuses to measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from bench import bare_plays, plays, processes
from bench.processes import Ended
from bench.server import BenchError
from bench.stacks import Deploy

STACK = {"StackName": "ddbload-local-cluster", "Parameters": [], "Tags": []}
OTHER = {"StackName": "oneshot-local-cluster", "Parameters": [], "Tags": []}


@pytest.fixture
def clients() -> dict[str, MagicMock]:
    made = {name: MagicMock() for name in ("sts", "ec2", "iam", "cloudformation", "ecr")}
    made["cloudformation"].describe_change_set.side_effect = [{"Status": "CREATE_PENDING"}, {"Status": "FAILED"}]
    return made


def test_a_bare_deploy_compares_the_stacks_of_its_name(
    clients: dict[str, MagicMock], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bare_plays, "POLL_S", 0.0)
    cloudformation = clients["cloudformation"]
    cloudformation.describe_stacks.return_value = {"Stacks": [OTHER, STACK]}
    bare_plays.deploy(clients.__getitem__, "ddbload-local")
    template = (processes.ROOT / "files" / "cfn" / "cluster.yaml").read_text()
    assert [call.kwargs["TemplateBody"] for call in cloudformation.create_change_set.mock_calls] == [template]
    assert cloudformation.describe_change_set.call_count == 2
    assert [call.kwargs["StackName"] for call in cloudformation.delete_change_set.mock_calls] == [STACK["StackName"]]


def test_a_bare_deploy_needs_stacks(clients: dict[str, MagicMock]) -> None:
    clients["cloudformation"].describe_stacks.return_value = {"Stacks": [OTHER]}
    with pytest.raises(LookupError, match=r"there is no stack ddbload-local-\*"):
        bare_plays.deploy(clients.__getitem__, "ddbload-local")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> plays.Tools:
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws" / "credentials").write_text("[ddbload-local]\naws_access_key_id = made-up\n")
    monkeypatch.setattr(processes, "cores", lambda: (0, 1))
    return plays.Tools(tmp_path, 4000)


def ends(monkeypatch: pytest.MonkeyPatch, stdout: str) -> list[Any]:
    commands: list[Any] = []

    def run(command: Any, *_rest: Any) -> Ended:
        commands.append(command)
        return Ended(stdout, 0.0, 3.0, 1.0, 0.5, 9.0)

    monkeypatch.setattr(processes, "run", run)
    return commands


def test_a_tool_costs_wall_and_cpu_seconds(tools: plays.Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = ends(monkeypatch, "aws-local : ok=9 changed=0 failed=0")
    assert tools.run("deploy", "deploy.yml") == Deploy(3.0, 1.5)
    assert tools.run("preflight", "boto3") == Deploy(3.0, 1.5)
    assert commands[0][:2] == ["ansible-playbook", str(processes.ROOT / "deploy.yml")]
    assert commands[1][1:] == ["-m", "bench.bare_plays", "http://127.0.0.1:4000", "ddbload-local", "preflight"]


@pytest.mark.parametrize("stdout", ["localhost : changed=0\naws-local : changed=12", ""])
def test_a_play_that_changes_something_is_refused(
    tools: plays.Tools, monkeypatch: pytest.MonkeyPatch, stdout: str
) -> None:
    ends(monkeypatch, stdout)
    with pytest.raises(BenchError, match=r"deploy\.yml has changed what was as it should be"):
        tools.run("deploy", "deploy.yml")
