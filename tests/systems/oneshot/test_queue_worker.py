# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue worker: what it does with messages, with an agent and a queue of the tests' own."""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import job_run
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError
from hypothesis import given
from hypothesis import strategies as st
from waiting import waited

PROGRAM = Path(__file__).parents[3] / "systems" / "oneshot" / "image" / "queue_worker.py"
specification = importlib.util.spec_from_file_location("queue_worker", PROGRAM)
assert specification and specification.loader
queue_worker = importlib.util.module_from_spec(specification)
sys.modules["queue_worker"] = queue_worker
specification.loader.exec_module(queue_worker)

PARAMETERS = {"code": {"required": True}, "seconds": {"default": "0"}}
PROCESS = "import sys, time; time.sleep(float(sys.argv[2])); sys.exit(int(sys.argv[1]))"
DEADLINE = 15.0


class RefusedError(Exception):
    """An error with a code of AWS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class Queue:
    """A queue that keeps each call; a message is received once."""

    def __init__(self, *bodies: Any) -> None:
        self.waiting = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        self.received: list[str] = []
        self.deleted: list[str] = []
        self.hidden: list[tuple[str, int]] = []
        self.refusals: dict[str, list[Exception]] = {}

    def receive_message(self, **_request: Any) -> dict[str, Any]:
        self._refuse("receive_message")
        if not self.waiting:
            time.sleep(0.01)
            return {}
        body, name = self.waiting.pop(0), str(len(self.received) + 1)
        self.received.append(name)
        return {"Messages": [{"MessageId": name, "Body": body, "ReceiptHandle": name}]}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        self._refuse("delete_message")
        self.deleted.append(ReceiptHandle)

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self._refuse("change_message_visibility")
        self.hidden.append((ReceiptHandle, VisibilityTimeout))

    def _refuse(self, operation: str) -> None:
        if refusals := self.refusals.get(operation):
            raise refusals.pop(0)


class Agent:
    """The ECS agent of a task: keeps the requests, and responds with what the test sets."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.uri = f"http://127.0.0.1:{server.server_address[1]}/v4/token"
        self.states: list[dict[str, Any]] = []
        self.responses: list[tuple[int, dict[str, Any]]] = []


@pytest.fixture
def agent() -> Iterator[Agent]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert self.path == "/v4/token/task-protection/v1/state"
            found.states.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, document = found.responses.pop(0) if found.responses else (200, {"protection": {}})
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Agent(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


class Working:
    """A worker in a thread of its own."""

    def __init__(self, queue: Queue, uri: str = "", hide: int = 300, **settings: Any) -> None:
        self.queue, self.stop = queue, queue_worker.Stop()
        given = {"timeout": 60.0, "stop_timeout": 30.0, "parameters": PARAMETERS} | settings
        command = given.pop("command", [sys.executable, "-c", PROCESS, "{code}", "{seconds}"])
        self.settings = queue_worker.Settings(queue_url="https://queue", command=command, **given)
        self.worker = queue_worker.Worker(self.settings, queue, queue_worker.Agent(uri), self.stop, hide)
        self.code: int | None = None
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self) -> None:
        self.code = self.worker.work()

    def end(self, number: int = signal.SIGTERM) -> None:
        self.stop._note(number, None)
        self.thread.join(DEADLINE)
        assert self.code == 0


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_message_goes_after_its_success_alone(agent: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    """A success is deleted; a failure is visible again at once; the task is protected around each of both."""
    working = Working(Queue({"code": 0}, {"code": 3}), agent.uri)
    waited(lambda: len(agent.states) == 4)
    working.end()
    assert (working.queue.deleted, working.queue.hidden) == (["1"], [("2", 0)])
    protected = {"ProtectionEnabled": True, "ExpiresInMinutes": 2}
    assert agent.states == [protected, {"ProtectionEnabled": False}] * 2
    found = events(capsys)
    assert [each["event"] for each in found] == [
        *("worker_ready", "message_received", "message_done"),
        *("message_received", "message_failed", "worker_stopped"),
    ]
    assert (found[2]["run_id"], found[2]["exit_code"]) == ("1", 0)
    assert (found[4]["run_id"], found[4]["exit_code"], found[4]["level"]) == ("2", 3, "error")


def test_another_exit_code_is_a_success_where_the_job_says_so() -> None:
    working = Working(Queue({"code": 3}), success_exit_codes=[0, 3])
    waited(lambda: working.queue.deleted == ["1"])
    working.end()


def test_a_message_stays_hidden_while_its_command_runs() -> None:
    """It is hidden anew after a quarter of its time, again and again."""
    working = Working(Queue({"code": 0, "seconds": 60}), hide=2)
    waited(lambda: len(working.queue.hidden) > 1)
    assert set(working.queue.hidden) == {("1", 2)}
    working.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_the_command_and_puts_back(number: int, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The command takes both signals also where the tests run in the background of a shell, which ignores SIGINT."""
    ready = f"import pathlib; pathlib.Path({str(tmp_path / 'ready')!r}).touch()"
    taking = f"import signal; signal.signal({number}, signal.SIG_DFL); {ready}; signal.pause()"
    working = Working(Queue({"code": 0}), command=[sys.executable, "-c", taking])
    waited((tmp_path / "ready").exists)
    working.end(number)
    assert (working.queue.deleted, working.queue.hidden) == ([], [("1", 0)])
    put_back = events(capsys)[-2]
    assert (put_back["event"], put_back["reason"]) == ("message_put_back", signal.Signals(number).name)


def test_a_command_that_ignores_a_stop_is_killed_in_time() -> None:
    """The message is back before ECS kills the task, though the command and its child ignore the signal."""
    stubborn = "trap '' TERM INT; sleep 60 & while true; do wait; done"
    working = Working(Queue({"code": 0}), command=["sh", "-c", stubborn], stop_timeout=3.0)
    waited(lambda: working.stop._group)
    started = time.monotonic()
    working.end()
    assert time.monotonic() - started < 3
    assert working.queue.hidden == [("1", 0)]


def test_a_command_that_succeeds_after_a_stop_is_done(tmp_path: Path) -> None:
    """What the command finishes within the stop timeout is not repeated."""
    finishing = f"trap 'exit 0' TERM; touch {tmp_path}/trapped; while true; do sleep 0.05; done"
    working = Working(Queue({"code": 0}), command=["sh", "-c", finishing])
    waited((tmp_path / "trapped").exists)
    working.end()
    assert (working.queue.deleted, working.queue.hidden) == (["1"], [])


def test_a_run_ends_after_the_timeout_of_its_job(capsys: pytest.CaptureFixture[str]) -> None:
    working = Working(Queue({"code": 0, "seconds": 60}), timeout=0.5)
    waited(lambda: working.queue.hidden == [("1", 0)])
    working.end()
    [failed] = [each for each in events(capsys) if each["event"] == "message_failed"]
    assert failed["reason"] == "the job's timeout of 0.5 s is over"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("no json", "the body is no JSON object"),
        ("[1]", "the body is no JSON object"),
        ({"code": 0, "other": 1}, "the job has no parameter other"),
        ({"seconds": 1}, "parameter code is missing"),
    ],
)
def test_a_wrong_message_goes_back_unhandled(body: Any, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    working = Working(Queue(body, {"code": 0}))
    waited(lambda: working.queue.deleted == ["2"])
    working.end()
    assert working.queue.hidden == [("1", 0)]
    [failed] = [each for each in events(capsys) if each["event"] == "message_failed"]
    assert failed["reason"] == reason


def test_a_message_without_protection_goes_back(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three attempts, then a pause: a deployment that is blocked may need minutes."""
    monkeypatch.setattr(queue_worker, "AGENT_PAUSES", (0.01, 0.01))
    monkeypatch.setattr(queue_worker, "PAUSE", 0.05)
    blocked = {"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}
    agent.responses = [(200, blocked), (500, {}), (400, {"error": {"Code": "ThrottlingException"}})]
    working = Working(Queue({"code": 0}, {"code": 0}), agent.uri)
    waited(lambda: working.queue.deleted == ["2"])
    working.end()
    assert working.queue.hidden == [("1", 0)]
    found = events(capsys)
    [put_back] = [each for each in found if each["event"] == "message_put_back"]
    assert put_back["reason"].startswith("the ECS agent responds with 400")
    assert [each["seconds"] for each in found if each["event"] == "worker_waits"] == [0.05]


def test_a_task_without_a_service_needs_no_protection(agent: Agent) -> None:
    agent.responses = [(200, {"failure": {"Reason": "TASK_NOT_VALID"}})]
    working = Working(Queue({"code": 0}), agent.uri)
    waited(lambda: working.queue.deleted == ["1"])
    working.end()


def test_a_lost_message_leaves_the_worker_at_work(capsys: pytest.CaptureFixture[str]) -> None:
    """SQS has given the message to another worker; this one reports it, and goes on."""
    queue = Queue({"code": 0}, {"code": 0})
    queue.refusals = {"delete_message": [RefusedError("ReceiptHandleIsInvalid")]}
    working = Working(queue)
    waited(lambda: queue.deleted == ["2"])
    working.end()
    assert [(each["run_id"], each["operation"]) for each in events(capsys) if each["event"] == "message_lost"] == [
        ("1", "delete_message")
    ]


def test_a_refusal_of_aws_is_waited_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each pause is twice as long; the first success ends them."""
    monkeypatch.setattr(queue_worker, "PAUSE", 0.02)
    queue = Queue({"code": 0})
    working = Working(queue)
    waited(lambda: queue.deleted == ["1"])
    queue.refusals = {"receive_message": [RefusedError("ServiceUnavailable") for _number in range(3)]}
    waited(lambda: not queue.refusals["receive_message"])
    queue.waiting.append(json.dumps({"code": 0}))
    waited(lambda: queue.deleted == ["1", "2"])
    working.end()
    assert [each["seconds"] for each in events(capsys) if each["event"] == "worker_waits"] == [0.02, 0.04, 0.08]


def test_a_queue_that_cannot_be_read_ends_the_worker() -> None:
    """ECS then sees a task that ends at once, and rolls the revision back."""
    queue = Queue()
    queue.refusals = {"receive_message": [RefusedError("AccessDenied")]}
    settings = queue_worker.Settings(queue_url="https://queue", command=["true"])
    with pytest.raises(RefusedError, match="AccessDenied"):
        queue_worker.Worker(settings, queue, queue_worker.Agent(""), queue_worker.Stop()).work()


def test_a_missing_program_ends_the_worker(capsys: pytest.CaptureFixture[str]) -> None:
    queue = Queue({"code": 0})
    settings = queue_worker.Settings(queue_url="https://queue", command=["no-such-program"], parameters=PARAMETERS)
    worker = queue_worker.Worker(settings, queue, queue_worker.Agent(""), queue_worker.Stop())
    assert worker.work() == 1
    assert queue.hidden == [("1", 0)]
    assert events(capsys)[-1]["reason"] == "no-such-program: No such file or directory"


def test_settings_come_from_the_variables() -> None:
    given = {"queue_variable": "PROMPTS_QUEUE_URL", "timeout": 60, "parameters": PARAMETERS}
    environment = {"QUEUE_WORKER": json.dumps(given), "PROMPTS_QUEUE_URL": "https://queue"}
    settings = queue_worker.Settings.of(["run", "{code}"], environment)
    assert (settings.queue_url, settings.timeout, settings.command) == ("https://queue", 60, ["run", "{code}"])
    with pytest.raises(ValueError, match="no command"):
        queue_worker.Settings.of([], environment)
    with pytest.raises(ValueError, match="URL of the queue"):
        queue_worker.Settings.of(["run"], {"QUEUE_WORKER": json.dumps(given)})
    with pytest.raises(ValueError, match="QUEUE_WORKER is missing"):
        queue_worker.Settings.of(["run"], {})


names = st.sampled_from(("prompt", "model", "run_id", "other"))
values = st.sampled_from(("", "one", "two words", "{model}", "7"))
parameters = st.dictionaries(
    st.sampled_from(("prompt", "model")),
    st.fixed_dictionaries(
        {"required": st.booleans()},
        optional={"default": values, "one_of": st.just(["one", "7"]), "pattern": st.just("[a-z]+")},
    ),
)


@given(parameters, st.dictionaries(names, values))
def test_a_message_makes_the_run_that_the_launcher_makes(
    section: dict[str, dict[str, Any]], given_values: dict[str, str]
) -> None:
    """Workers and run-job.yml read a message in the same way: the same command, or both refuse it."""
    command, environment = ["run", "{prompt}", "{model}", "{run_id}"], {"MODEL": "{model}", "PLAIN": "x"}
    job: Any = {"command": command, "environment": environment, "parameters": section, "success_exit_codes": [0]}
    settings = queue_worker.Settings("q", command, {"MODEL": "{model}"}, section)
    try:
        expected = job_run("j", job, given_values, "id-1")
    except ProblemError:
        with pytest.raises(queue_worker.MessageError):
            queue_worker.run_of(settings, "id-1", json.dumps(given_values))
        return
    found = queue_worker.run_of(settings, "id-1", json.dumps(given_values))
    assert (found.command, found.environment) == (expected.command, expected.environment)
