# SPDX-License-Identifier: Apache-2.0
"""The loop by itself: an error of ours ends the run, it does not hang it."""

import io
import json

import pytest
from ddbload import run, scenario
from ddbload.dynamo import operations
from ddbload.events import EventWriter
from dynamodb_stub import Stub


@pytest.mark.parametrize("plan", ["plan.rate=50", 'plan={"type":"closed","concurrency":2,"operations":50}'])
@pytest.mark.parametrize("method", ["body", "consumed"])
def test_an_error_of_ours_ends_the_run(monkeypatch: pytest.MonkeyPatch, plan: str, method: str) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "nobody-at-all", "AWS_SECRET_ACCESS_KEY": "nothing-at-all"}.items():
        monkeypatch.setenv(name, value)
    original = getattr(operations.PutItem, method)
    calls = []

    def fail_at_the_tenth(self: operations.PutItem, argument: object) -> object:
        calls.append(argument)
        if len(calls) == 10:
            raise RuntimeError("a bug")
        return original(self, argument)

    monkeypatch.setattr(operations.PutItem, method, fail_at_the_tenth)
    stream = io.StringIO()
    asked = scenario.load(None, [plan], {"DDBLOAD_TABLE": "test-table"})
    with Stub() as stub, pytest.raises(RuntimeError, match="a bug"):
        run.run(asked, stub.url, "us-east-1", EventWriter("r", None, stream=stream), {})
    assert json.loads(stream.getvalue().splitlines()[0])["event"] == "run.started"
