# SPDX-License-Identifier: Apache-2.0
"""The classic plan: its callers, its duplicates, and its cleanup."""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from command import ENVIRONMENT, Arrivals, adds_up, rule, run
from moto.server import ThreadedMotoServer
from server import Server

BASE = {"connections": 32, "item": {"size": 200}, "timeout": 0.5}
PATH = "/ddbload/dev"


def classic(**settings: Any) -> dict[str, Any]:
    plan = {"concurrency_limit": 20, "total_items": 300, "max_concurrency_percentage": 100} | settings
    return {"plan": {"type": "classic"} | plan}


def allowed(peak: int, items: int, at_peak: int) -> list[int]:
    """Return the most callers at each item, for a peak that ten divides: nine tenths, then the peak."""
    rest = items - at_peak
    shares = [rest * step // 9 - rest * (step - 1) // 9 for step in range(1, 10)]
    rising = [peak * step // 10 for step, share in enumerate(shares, start=1) for _item in range(share)]
    return rising + [peak] * at_peak


@pytest.mark.parametrize(("limit", "percentage", "peak", "at_peak"), [(20, 50, 10, 150), (25, 80, 20, 240)])
def test_no_more_callers_are_busy_than_the_step_allows(limit: int, percentage: int, peak: int, at_peak: int) -> None:
    arrivals = Arrivals(delay_ms=25)
    plan = classic(concurrency_limit=limit, max_concurrency_percentage=percentage)
    with Server(arrivals, process=False) as server:
        seen = run(server.url, BASE | plan | {"verify": {"enabled": False}})
    assert (seen.code, server.log.requests["PutItem"], seen.operation()["ok"]) == (0, 300, 300)
    levels, most = arrivals.levels(), allowed(peak, 300, at_peak)
    assert all(level <= bound for level, bound in zip(levels, most, strict=True))
    assert max(levels) == peak


def test_the_peak_is_rounded_up() -> None:
    arrivals = Arrivals(delay_ms=25)
    with Server(arrivals, process=False) as server:
        plan = classic(concurrency_limit=9, max_concurrency_percentage=50)
        seen = run(server.url, BASE | plan | {"verify": {"enabled": False}})
    assert (seen.code, server.log.requests["PutItem"], max(arrivals.levels())) == (0, 300, 5)


PERCENTAGES = [(10, 50), (0.3, 2), (33.3, 167), (99, 495), (0, 0)]


@pytest.mark.parametrize(("percentage", "duplicates"), PERCENTAGES)
def test_duplicates_are_refused_originals_kept_and_cleaned(percentage: float, duplicates: int) -> None:
    """Every duplicate is refused and every original kept and all is cleaned up."""
    plan = classic(total_items=500, inject_duplicates=True, duplicate_percentage=percentage)
    with Server() as server:
        seen = run(server.url, BASE | plan | {"cleanup": True, "thresholds": ["duplicates_accepted == 0"]})
        assert server.table == []
    originals = 500 - duplicates
    if duplicates:
        assert (seen.code, seen.results["duplicates"]) == (
            0,
            {"sent": duplicates, "refused": duplicates, "accepted": 0, "unanswered": 0, "originals_refused": 0},
        )
    assert server.log.answers["ConditionalCheckFailedException"] == duplicates
    assert (seen.operation()["ok"], seen.operation()["expected"]) == (originals, duplicates)
    assert (seen.results["verification"]["present"], seen.results["verification"]["lost"]) == (originals, 0)
    assert (seen.results["cleanup"]["deleted"], seen.results["cleanup"]["complete"]) == (originals, True)
    assert seen.results["cleanup"]["consumed_write_units"] == originals
    assert adds_up(seen.results)


def test_duplicates_are_as_exact_under_faults() -> None:
    script = [
        rule({"lose_answer": "reset"}, operation="PutItem", every=25),
        rule({"throttle": {}}, operation="PutItem", every=25, offset=10),
        rule({"error": {"type": "InternalServerError"}}, operation="PutItem", every=25, offset=20),
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | classic(total_items=500, inject_duplicates=True, duplicate_percentage=20))
    found, answers = seen.results["duplicates"], server.log.answers
    assert (seen.code, found["sent"], found["accepted"], found["originals_refused"]) == (0, 100, 0, 0)
    # The count of refused duplicates is exactly that of failed conditions.
    assert found["refused"] == answers["ConditionalCheckFailedException"] == seen.operation()["expected"]
    assert found["refused"] + found["unanswered"] == 100
    # The other responses are those of the check and of DescribeTable.
    assert seen.operation()["ok"] == answers["ok"] - server.log.requests["BatchGetItem"] - 1
    assert adds_up(seen.results)


def test_a_retried_original_is_no_duplicate() -> None:
    script = [rule({"lose_answer": "reset"}, operation="PutItem", every=10)]
    plan = classic(total_items=300, inject_duplicates=True, duplicate_percentage=10)
    with Server(script) as server:
        seen = run(server.url, BASE | plan | {"retries": {"attempts": 10, "base_ms": 1}})
        assert len(server.table) == 270
    assert (seen.code, seen.results["duplicates"]) == (
        0,
        {"sent": 30, "refused": 30, "accepted": 0, "unanswered": 0, "originals_refused": 0},
    )
    check = seen.results["verification"]
    assert (check["present"] + check["indeterminate"], check["lost"]) == (270, 0)


def test_an_accepted_duplicate_shows_a_lost_original() -> None:
    """A duplicate that is accepted shows that its original was lost."""
    plan = classic(total_items=300, inject_duplicates=True, duplicate_percentage=10)
    with Server([rule({"drop_write": True}, operation="PutItem")]) as server:
        seen = run(server.url, BASE | plan | {"verify": {"enabled": False}})
    assert (seen.code, seen.results["duplicates"]["accepted"], seen.results["duplicates"]["refused"]) == (4, 30, 0)
    assert seen.message.startswith("30 duplicates of acknowledged keys were accepted")


def test_existing_keys_are_distinguished_from_duplicates() -> None:
    """Existing keys are counted separately from duplicates."""
    plan = classic(total_items=200, inject_duplicates=True, duplicate_percentage=10)
    with Server() as server:
        run(server.url, BASE | plan)
        seen = run(server.url, BASE | plan, "--run-id", "another")
    assert seen.results["duplicates"] == {
        "sent": 20,
        "refused": 20,
        "accepted": 0,
        "unanswered": 0,
        "originals_refused": 180,
    }
    assert (seen.operation()["ok"], seen.operation()["expected"]) == (0, 200)
    # Without a write nothing is proved.
    assert (seen.code, seen.results["verification"]["absent"]) == (5, 180)


def test_duplicates_do_not_wait_for_a_table_that_refuses() -> None:
    """Duplicates do not wait for a table that refuses all puts."""
    plan = classic(total_items=200, inject_duplicates=True, duplicate_percentage=50)
    with Server([rule({"throttle": {}}, operation="PutItem", numbers=[0, 150])]) as server:
        seen = run(server.url, BASE | plan)
    found = seen.results["duplicates"]
    assert (seen.code, seen.errors, server.log.requests["PutItem"]) == (0, "", 200)
    assert (found["sent"], found["accepted"], found["originals_refused"]) == (100, 0, 0)
    assert found["refused"] == server.log.answers["ConditionalCheckFailedException"]
    assert found["refused"] + found["unanswered"] == 100
    assert sum(seen.operation()["throttled"].values()) == 150
    assert adds_up(seen.results)


def test_workers_share_the_duplicates_and_are_as_exact() -> None:
    plan = classic(total_items=600, inject_duplicates=True, duplicate_percentage=20, concurrency_limit=30)
    with Server([rule({"delay_ms": 2}, operation="PutItem")]) as server:
        seen = run(server.url, BASE | plan | {"processes": 3})
        assert len(server.table) == 480
    assert (seen.code, seen.message, seen.errors, server.log.requests["PutItem"]) == (0, "", "", 600)
    assert seen.results["duplicates"] == {
        "sent": 120,
        "refused": 120,
        "accepted": 0,
        "unanswered": 0,
        "originals_refused": 0,
    }
    assert (seen.operation()["ok"], seen.results["verification"]["present"]) == (480, 480)
    assert adds_up(seen.results)


def test_a_worker_with_only_duplicates_is_refused() -> None:
    """A worker with only duplicates is refused before the start."""
    # Every second put is a duplicate, and all of the second worker's puts would be.
    plan = classic(total_items=400, inject_duplicates=True, duplicate_percentage=50)
    with Server() as server:
        seen = run(server.url, BASE | plan | {"processes": 2})
    assert (seen.code, server.log.requests["PutItem"]) == (2, 0)
    assert "at most 1 workers" in seen.message


# ---- From SSM


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_the_classic_names_in_ssm_define_the_run(aws: str) -> None:
    client = botocore.session.Session().create_client(
        "ssm",
        region_name="us-east-1",
        endpoint_url=aws,
        aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
    )
    parameters = {
        "concurrency-limit": "20",
        "total-items": "400",
        "max-concurrency-percentage": "80",
        "inject-duplicates": "true",
        "duplicate-percentage": "25",
        "cleanup-after-test": "true",
        "table-name": "test-table",
        "read-capacity-units": "5",
        "write-capacity-units": "5",
    }
    for name, value in parameters.items():
        client.put_parameter(Name=f"{PATH}/{name}", Value=value, Type="String")
    with Server() as server:
        seen = run(server.url, None, DDBLOAD_SSM_PATH=PATH, AWS_ENDPOINT_URL_SSM=aws)
        assert server.table == []
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert seen.results["duplicates"]["refused"] == seen.results["duplicates"]["sent"] == 100
    assert (server.log.requests["PutItem"], seen.results["cleanup"]["deleted"]) == (400, 300)
    plan = seen.results["scenario"]["plan"]
    assert (plan["type"], plan["concurrency_limit"], plan["max_concurrency_percentage"]) == ("classic", 20, 80)
