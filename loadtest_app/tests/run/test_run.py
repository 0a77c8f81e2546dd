# SPDX-License-Identifier: Apache-2.0
"""The real command against a test server."""

import json
import re
import signal
import subprocess
import sys
import time
from email.utils import formatdate
from typing import Any

import certificate
import pytest
from command import ENVIRONMENT, apart_from_lateness
from ddbload.dynamo.endpoint import STATUS_REMEDIES
from dynamodb_stub import OK_PUT, TABLE, Reply, Stub, error


def command(url: str, *settings: str, table: str = "test-table") -> list[str]:
    # The stub stores no items to verify.
    sets = [argument for setting in ("verify.enabled=false", *settings) for argument in ("--set", setting)]
    return [sys.executable, "-m", "ddbload", "run", "--table", table, "--endpoint-url", url, "--run-id", "r", *sets]


def run(url: str, *settings: str, **environment: str) -> tuple[int, dict[str, dict], list[dict]]:
    done = subprocess.run(
        command(url, *settings), env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=60, check=False
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {event["event"]: event for event in events}, events


def counts_add_up(summary: dict) -> bool:
    return all(
        operation["sent"]
        == operation["ok"]
        + operation["expected"]
        + sum(operation["throttled"].values())
        + operation["contention"]
        + sum(operation["failed"].values())
        for operation in summary["operations"].values()
    )


def test_a_constant_rate_is_kept_and_summed_up() -> None:
    with Stub() as stub:
        code, last, events = run(
            stub.url, "plan.rate=200", "plan.duration=2", 'mix={"put":3,"get":1}', 'thresholds=["rate >= 99%"]'
        )
    assert code == 0
    summary = last["run.summary"]
    assert counts_add_up(summary)
    assert (summary["operations"]["put"]["sent"], summary["operations"]["get"]["sent"]) == (300, 100)
    assert summary["operations"]["put"]["consumed_write_units"] == 300
    assert (summary["operations"]["get"]["consumed_read_units"], summary["operations"]["get"]["found"]) == (50, 100)
    assert (stub.requests["putitem"], len(set(stub.keys))) == (300, 300)
    progress = [event["interval"]["sent"] for event in events if event["event"] == "run.progress"]
    assert sum(progress) == 400
    assert {"run_id", "task_id", "worker", "ts", "level"} <= summary.keys()


def test_a_closed_plan_keeps_its_callers_busy() -> None:
    with Stub(script=lambda *_: Reply(delay_s=0.01)) as stub:
        code, last, _events = run(stub.url, 'plan={"type":"closed","concurrency":4,"operations":200}')
    assert code == 0
    plan = last["run.summary"]["plan"]
    assert (plan["sent"], plan["never_sent"], plan["rate_asked"]) == (200, 0, None)
    # Little's law: 4 callers and at least 10 ms each give at most 400 a second.
    assert plan["rate_reached"] <= 400


def test_a_stall_shows_in_the_latency_too() -> None:
    """A stall shows in the latency and not only in the service time."""
    # All responses of the second second arrive at its end.
    began = []

    def script(operation: str, number: int, body: dict) -> Reply:
        began.append(time.monotonic())
        elapsed = time.monotonic() - began[0]
        return Reply(delay_s=max(0.0, 2.0 - elapsed)) if elapsed >= 1.0 else Reply()

    with Stub(script=script) as stub:
        code, last, _events = run(stub.url, "plan.rate=100", "plan.duration=3", "connections=4", "timeout=10")
    assert code == 0
    put = last["run.summary"]["operations"]["put"]
    # A third of the operations wait, evenly from 0 to 1 s; only the 4 on the wire wait from the send on.
    assert put["latency_ms"]["p90"] == pytest.approx(700, abs=60)
    assert put["service_ms"]["p90"] < 100
    assert put["service_ms"]["max"] == pytest.approx(1000, abs=60)
    # Where other processes take the CPU, the warning names that first.
    causes = ("all connections were busy", "this machine had too little CPU")
    assert any(cause in text for text in last["run.summary"]["warnings"] for cause in causes)


def test_one_slow_last_response_does_not_lower_the_rate() -> None:
    def script(operation: str, number: int, body: dict) -> Reply:
        return Reply(silent=number == 99)

    with Stub(script=script) as stub:
        code, last, _events = run(
            stub.url, "plan.rate=100", "plan.duration=1", "timeout=1", 'thresholds=["rate >= 99%"]'
        )
    assert code == 0
    assert last["run.summary"]["elapsed_s"] > 1.8
    assert last["run.summary"]["operations"]["put"]["failed"] == {"network:Timeout": 1}


def test_a_run_over_tls_is_the_same(tmp_path) -> None:
    context, trusted = certificate.make(tmp_path)

    def script(operation: str, number: int, body: dict) -> Reply:
        return Reply(close=number % 10 == 9)

    with Stub(script=script, tls=context) as stub:
        code, last, _events = run(stub.url, "plan.duration=1", "connections=8", AWS_CA_BUNDLE=str(trusted))
        assert code == 0
        connections = last["run.summary"]["connections"]
        assert last["run.summary"]["operations"]["put"]["ok"] == 100
        assert connections["opened"] == 8 + connections["reopened"]
        assert connections["reopened"] >= 9
        assert connections["tls_ms"]["max"] >= connections["tls_ms"]["p50"] > 0
        code, last, _events = run(stub.url)
        assert (code, "shows a certificate that is not trusted" in last["run.failed"]["message"]) == (5, True)
        code, last, _events = run(stub.url, AWS_CA_BUNDLE="/no/such/file")
        assert (code, "\n" in last["run.failed"]["message"]) == (5, False)


def test_connections_reset_at_their_opening_are_reopened() -> None:
    """Connections that are reset when they are opened are opened again."""
    # The first connection requests the table's description.
    with Stub(accept=lambda number: number == 0 or number % 2 == 1) as stub:
        code, last, _events = run(stub.url, "plan.duration=1", "connections=8", "timeout=1")
    assert code == 0
    summary = last["run.summary"]
    assert counts_add_up(summary)
    put = summary["operations"]["put"]
    assert put["ok"] + put["failed"].get("network:ConnectionReset", 0) == put["sent"] == 100
    assert put["ok"] >= 92


def test_a_wrong_clock_is_corrected_by_that_of_aws() -> None:
    ahead_s = 1200

    def is_late(headers: dict) -> bool:
        signed = time.strptime(headers["x-amz-date"], "%Y%m%dt%H%M%Sz")
        return abs(time.mktime(signed) - time.timezone - time.time() - ahead_s) > 300

    def describe(headers: dict) -> Reply:
        date = {"Date": formatdate(time.time() + ahead_s, usegmt=True)}
        reply = error("InvalidSignatureException", "Signature expired") if is_late(headers) else Reply(document=TABLE)
        return Reply(reply.status, reply.document, headers=date)

    with Stub(describe=describe) as stub:
        code, last, _events = run(stub.url, "plan.duration=0.2")
    assert code == 0
    (warning,) = apart_from_lateness(last["run.summary"]["warnings"])
    assert re.search(r"clock is 1(199|200) s behind AWS's", warning)
    assert stub.requests["describetable"] == 2


@pytest.mark.parametrize(
    ("reply", "outcome", "reason"),
    [
        (
            error("ProvisionedThroughputExceededException", ThrottlingReasons=[{"reason": "TableWrite"}]),
            "throttled",
            "TableWrite",
        ),
        (error("InternalServerError", status=500), "failed", "server:InternalServerError"),
        (Reply(reset=True), "failed", "network:ConnectionReset"),
        (Reply(bad_crc=True), "failed", "network:BadChecksum"),
        (Reply(silent=True), "failed", "network:Timeout"),
    ],
)
def test_failures_are_counted_by_their_reason(reply: Reply, outcome: str, reason: str) -> None:
    def script(operation: str, number: int, body: dict) -> Reply:
        return reply if number % 10 == 5 else Reply()

    with Stub(script=script) as stub:
        code, last, _events = run(stub.url, "plan.rate=50", "plan.duration=2", "timeout=1.5")
    summary = last["run.summary"]
    assert code == 0
    assert counts_add_up(summary)
    put = summary["operations"]["put"]
    assert (put["sent"], put["ok"], put[outcome]) == (100, 90, {reason: 10})


@pytest.mark.parametrize("reply", [Reply(chunked=True), Reply(piece_bytes=7), Reply(close=True)])
def test_responses_in_every_shape_are_read(reply: Reply) -> None:
    with Stub(script=lambda *_: reply) as stub:
        code, last, _events = run(stub.url, "plan.rate=50", "plan.duration=1", "connections=8")
    assert code == 0
    assert last["run.summary"]["operations"]["put"]["ok"] == 50


def test_a_missed_threshold_is_exit_code_3() -> None:
    with Stub() as stub:
        code, last, _events = run(stub.url, "plan.duration=0.5", 'thresholds=["put.p99 < 1us"]')
    assert code == 3
    assert last["run.summary"]["verdict"] == "failed"
    assert last["run.failed"]["message"].startswith("put.p99 < 1us: was ")


def test_a_bad_scenario_is_exit_code_2() -> None:
    code, last, _events = run("http://127.0.0.1:9", "plan.rate=fast")
    assert code == 2
    assert (
        'plan.rate: must be a number from 0 to 1,000,000 (operations a second), got "fast"'
        in last["run.failed"]["message"]
    )
    assert run("http://127.0.0.1:9", "item.size=1")[0] in (2, 5)


def described(**more: Any) -> Reply:
    return Reply(document={"Table": TABLE["Table"] | more})


def in_state(status: str) -> Reply:
    return described(TableStatus=status)


@pytest.mark.parametrize(
    ("describe", "words"),
    [
        (error("ResourceNotFoundException"), "there is no table test-table"),
        (error("AccessDeniedException", "no, no"), "may not be used: no, no"),
        (error("UnrecognizedClientException"), "refuses the credentials"),
        (in_state("CREATING"), "is CREATING, not ACTIVE: wait, then run again"),
        *((in_state(status), f"is {status}, not ACTIVE: {remedy}") for status, remedy in STATUS_REMEDIES.items()),
        (Reply(document={"Table": {}}), "is None, not ACTIVE"),
        (Reply(document={"Table": "test-table"}), "without a description of a table"),
        (Reply(document=[TABLE]), "an answer that is not DynamoDB's: JSON that is no object"),
        (described(KeySchema=None), "describes table test-table as DynamoDB never does"),
        (described(AttributeDefinitions=[]), "describes table test-table as DynamoDB never does"),
        (described(BillingModeSummary="PROVISIONED"), "describes table test-table as DynamoDB never does"),
        (described(GlobalSecondaryIndexes=[{}]), "describes table test-table as DynamoDB never does"),
        (described(ProvisionedThroughput={"ReadCapacityUnits": "many"}), "as DynamoDB never does"),
    ],
)
def test_an_unusable_table_is_exit_code_5(describe: Reply, words: str) -> None:
    with Stub(describe=lambda _headers: describe) as stub:
        code, last, _events = run(stub.url)
    assert code == 5
    assert words in last["run.failed"]["message"]
    assert "\n" not in last["run.failed"]["message"]


def test_no_endpoint_no_credentials_no_profile_are_exit_code_5() -> None:
    code, last, _events = run("http://127.0.0.1:9")
    assert (code, "does not answer" in last["run.failed"]["message"]) == (5, True)
    code, last, _events = run("http://127.0.0.1:9", AWS_PROFILE="nobody", AWS_CONFIG_FILE="/dev/null")
    assert (code, "profile (nobody)" in last["run.failed"]["message"]) == (5, True)
    code, last, _events = run(
        "http://127.0.0.1:9", AWS_ACCESS_KEY_ID="", AWS_CONFIG_FILE="/dev/null", HOME="/nonexistent"
    )
    assert (code, "no AWS credentials" in last["run.failed"]["message"]) == (5, True)


def test_a_refusal_in_the_middle_ends_the_run() -> None:
    def script(operation: str, number: int, body: dict) -> Reply:
        return error("AccessDeniedException", "not any more") if number == 20 else Reply()

    with Stub(script=script) as stub:
        code, last, _events = run(stub.url, "plan.duration=30")
    assert code == 5
    assert last["run.summary"]["partial"]
    assert "AccessDeniedException: not any more" in last["run.failed"]["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_with_partial_results(number: signal.Signals) -> None:
    with Stub() as stub:
        process = subprocess.Popen(
            command(stub.url, "plan.duration=60"), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        while '"run.progress"' not in process.stdout.readline():
            pass
        process.send_signal(number)
        rest = [json.loads(line) for line in process.communicate(timeout=20)[0].splitlines()]
    assert process.returncode == 6
    last = {event["event"]: event for event in rest}
    assert (last["run.summary"]["verdict"], last["run.summary"]["partial"]) == ("stopped", True)
    assert counts_add_up(last["run.summary"])
    assert last["run.summary"]["operations"]["put"]["sent"] >= 100
    assert number.name in last["run.failed"]["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_before_the_start_is_reported(number: signal.Signals) -> None:
    with Stub(describe=lambda _headers: Reply(silent=True)) as stub:
        process = subprocess.Popen(command(stub.url), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        while not stub.requests["describetable"]:
            time.sleep(0.01)
        process.send_signal(number)
        (line,) = process.communicate(timeout=20)[0].splitlines()
    assert process.returncode == 6
    assert f"stopped early by {number.name} before the start" in json.loads(line)["message"]


def test_a_signal_waits_briefly_for_responses() -> None:
    with Stub(script=lambda *_: Reply(silent=True)) as stub:
        process = subprocess.Popen(
            command(stub.url, "plan.duration=60", "timeout=60", "connections=4"),
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        while '"run.progress"' not in process.stdout.readline():
            pass
        sent = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = [json.loads(line) for line in process.communicate(timeout=20)[0].splitlines()]
        # A busy machine ends a process late; the plan and the timeout are a minute.
        assert 2.5 < time.monotonic() - sent < 15
    assert process.returncode == 6
    summary = next(event for event in rest if event["event"] == "run.summary")
    assert summary["operations"]["put"]["failed"] == {"network:Unfinished": 4}
    assert counts_add_up(summary)


def test_a_closed_reader_does_not_end_the_run() -> None:
    with Stub() as stub:
        process = subprocess.Popen(
            command(stub.url, "plan.duration=1.5"), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(20), process.stderr.read()) == (0, b"")
        process.stderr.close()
    assert stub.requests["putitem"] == 150


def test_deadline_ends_an_endless_run() -> None:
    with Stub() as stub:
        code, last, _events = run(stub.url, "plan.duration=60", "deadline=1")
    assert code == 6
    assert "its deadline of 1 s" in last["run.failed"]["message"]


def test_operations_never_sent_are_reported() -> None:
    with Stub(script=lambda *_: Reply(delay_s=0.4)) as stub:
        code, last, _events = run(stub.url, "plan.rate=100", "plan.duration=1", "connections=2", "timeout=1")
    plan = last["run.summary"]["plan"]
    # A generator that cannot keep its plan fails the run.
    assert code == 3
    assert "the plan was not kept" in last["run.failed"]["message"]
    assert plan["kept"] is False
    assert plan["planned"] == 100
    assert plan["sent"] + plan["never_sent"] == 100
    assert plan["never_sent"] > 80
    # Requests in flight at the end are awaited: an aborted one would count as a failure.
    assert last["run.summary"]["operations"]["put"]["failed"] == {}
    assert any("the plan was not kept" in text for text in last["run.summary"]["warnings"])


def test_every_key_schema_is_filled() -> None:
    description = {
        "Table": {
            "TableStatus": "ACTIVE",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "AttributeDefinitions": [
                {"AttributeName": "sk", "AttributeType": "N"},
                {"AttributeName": "pk", "AttributeType": "S"},
            ],
        }
    }
    items = []

    def script(operation: str, number: int, body: dict) -> Reply:
        items.append(body["Item"])
        return Reply(document=OK_PUT)

    with Stub(script=script, describe=lambda _headers: Reply(document=description)) as stub:
        code, last, _events = run(stub.url, "plan.duration=0.2")
    assert code == 0
    assert all(set(item) == {"pk", "sk", "run", "seq", "data"} and item["sk"] == {"N": "0"} for item in items)
    assert last["run.started"]["table"]["billing_mode"] == "PROVISIONED"


def test_bad_usage_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ddbload", "walk"], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
