# SPDX-License-Identifier: Apache-2.0
"""The benchmark of deploys: its stacks, and the table that it prints."""

from __future__ import annotations

import json

import pytest

from bench import stacks
from bench.server import BenchError
from bench.stacks import Deploy


def test_ratios_are_taken_within_a_round() -> None:
    measured = {
        "5": {
            "cfn_stacks": [Deploy(1.0, 0.5), Deploy(4.0, 2.0), Deploy(2.0, 1.0)],
            "cloudformation": [Deploy(4.0, 5.0), Deploy(8.0, 10.0), Deploy(20.0, 40.0)],
        }
    }
    lines = stacks.table(measured).splitlines()
    assert lines[2:] == [
        "| 5 | cfn_stacks | 2.0 | 1.0 | 0.25 | 0.10 |",
        "| 5 | cloudformation | 8.0 | 10.0 | 1.00 | 1.00 |",
    ]


def test_a_table_names_its_reference() -> None:
    measured = {"deploy": {"deploy.yml": [Deploy(6.0, 9.0)], "boto3": [Deploy(2.0, 0.5)]}}
    assert stacks.table(measured, "play", "boto3").splitlines()[::2] == [
        "| play | tool | wall s | CPU s | x boto3, wall | CPU |",
        "| deploy | deploy.yml | 6.0 | 9.0 | 3.00 | 18.00 |",
    ]


def test_every_template_of_the_collection_is_measured() -> None:
    own = {one["stack_name"]: one for one in stacks.own_stacks()}
    assert len(own) >= 5
    assert own["bench-network"]["parameters"] == {"Environment": "bench"}
    assert own["bench-observability"]["parameters"] == {"Environment": "bench", "TableName": "bench"}


def test_made_up_stacks_differ_in_name_and_parameter() -> None:
    made = stacks.made_up_stacks(stacks.MADE_UP)
    assert len({(one["stack_name"], one["parameters"]["Name"]) for one in made}) == stacks.MADE_UP
    assert set(json.loads(made[0]["template_body"])["Resources"]) == {"Topic", "Value"}


def test_a_failure_to_measure_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(rounds: int) -> None:
        raise BenchError(f"no emulator in {rounds} rounds")

    monkeypatch.setattr(stacks, "measure", fail)
    assert stacks.main(["--rounds", "2"]) == 2
    assert capsys.readouterr().err == "bench: no emulator in 2 rounds\n"
