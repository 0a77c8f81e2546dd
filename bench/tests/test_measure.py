# SPDX-License-Identifier: Apache-2.0
"""The evaluation of the benchmark's samples."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import measure
from bench.measure import Sample

counts = st.integers(1, 10**9)
seconds = st.floats(1e-3, 1e4)
samples = st.builds(Sample, counts, seconds, seconds, seconds)


def costing(cpu_us: float) -> Sample:
    return Sample(1_000_000, cpu_us - 1, 1.0, 1.0)


@given(samples, samples)
def test_fixed_costs_are_subtracted(more: Sample, short: Sample) -> None:
    whole = Sample(
        more.requests + short.requests,
        more.user_s + short.user_s,
        more.system_s + short.system_s,
        more.wall_s + short.wall_s,
    )
    left = measure.without_start(whole, short)
    assert left.requests == more.requests
    assert left.user_s == pytest.approx(more.user_s, rel=1e-6, abs=1e-9)
    assert left.system_s == pytest.approx(more.system_s, rel=1e-6, abs=1e-9)
    assert left.wall_s == pytest.approx(more.wall_s, rel=1e-6, abs=1e-9)


def test_a_short_run_that_took_longer_is_refused() -> None:
    with pytest.raises(ValueError, match="no longer"):
        measure.without_start(Sample(1_000, 1.0, 0.1, 1.0), Sample(10, 2.0, 0.1, 0.5))


def test_figures_are_medians_that_one_disturbed_round_keeps() -> None:
    """Figures are medians, and one disturbed round changes none."""
    calm = {"wrk": costing(10), "ddbload": costing(15)}
    disturbed = {"wrk": costing(10), "ddbload": costing(900)}
    figures = measure.clients([calm, disturbed, calm])
    assert figures["ddbload"]["cpu_us_per_request"] == 15
    assert figures["ddbload"]["cpu_us_most"] == 900
    assert figures["ddbload"]["system_us_per_request"] == 1
    assert figures["ddbload"]["ratio_to_wrk"] == 1.5
    assert figures["ddbload"]["passed"]


@given(st.lists(st.floats(0.5, 20), min_size=1, max_size=9))
def test_a_machine_slower_in_some_rounds_changes_no_ratio(moods: list[float]) -> None:
    """A machine that is slower in some rounds changes no ratio."""
    rounds = [{"wrk": costing(10 * mood), "ddbload": costing(25 * mood)} for mood in moods]
    figures = measure.clients(rounds)
    assert figures["ddbload"]["ratio_to_wrk"] == pytest.approx(2.5, abs=0.001)
    assert not figures["ddbload"]["passed"]


def test_clients_with_tls_are_compared_with_wrk_with_tls() -> None:
    samples = {"wrk": costing(10), "wrk_tls": costing(20), "ddbload_tls": costing(32), "boto3": costing(1000)}
    figures = measure.clients([samples])
    assert figures["ddbload_tls"]["ratio_to_wrk"] == 1.6
    assert figures["ddbload_tls"]["passed"]
    assert figures["wrk_tls"]["ratio_to_wrk"] == 1
    assert figures["boto3"]["ratio_to_wrk"] == 100


@pytest.mark.parametrize("reference", ["wrk2", "wrk_paced"])
@pytest.mark.parametrize(("cost", "passed"), [(30.0, True), (30.1, False)])
def test_an_open_plan_is_compared_at_its_own_rate(reference: str, cost: float, passed: bool) -> None:
    samples = {"wrk": costing(10), f"{reference}_1000": costing(20), f"{reference}_5000": costing(15)}
    figures = measure.clients([samples | {"ddbload_1000": costing(cost)}])
    assert figures["ddbload_1000"]["ratio_to_wrk"] == pytest.approx(cost / 20, abs=0.001)
    assert figures["ddbload_1000"]["target"] == f"<= 1.5 x {reference.partition('_')[0]}"
    assert figures["ddbload_1000"]["passed"] is passed
    assert "target" not in figures[f"{reference}_1000"]


def test_lateness_is_the_median_of_the_rounds() -> None:
    rounds = [{"ddbload_1000": costing(30)._replace(late_ms=late)} for late in ((0.1, 0.5), (0.2, 9.0), (0.3, 0.4))]
    figures = measure.clients(rounds)
    assert (figures["ddbload_1000"]["late_p50_ms"], figures["ddbload_1000"]["late_p99_ms"]) == (0.2, 0.5)
    assert "0.20, 0.50" in measure.table(figures)
    assert "late_p50_ms" not in measure.clients([{"ddbload_1000": costing(30)}])["ddbload_1000"]


def test_without_wrk_there_is_no_ratio_and_no_verdict() -> None:
    figures = measure.clients([{"ddbload": costing(15)}])
    assert figures["ddbload"]["ratio_to_wrk"] is None
    assert "passed" not in figures["ddbload"]


@pytest.mark.parametrize(("cost", "passed"), [(300.0, True), (299.0, False)])
def test_ddbload_must_be_thirty_times_cheaper_than_aiobotocore(cost: float, passed: bool) -> None:
    figures = measure.clients([{"ddbload": costing(10), "aiobotocore": costing(cost)}])
    assert figures["ddbload"]["times_cheaper_than_aiobotocore"]["passed"] is passed


@pytest.mark.parametrize(
    ("peaks_mb", "passed"),
    [
        ({1_000_000: 50.0, 10_000_000: 51.0}, True),
        ({1_000_000: 40.0, 10_000_000: 55.0}, False),
        ({1_000_000: 60.0, 10_000_000: 60.0}, False),
        ({300_000: 59.9}, True),
    ],
)
def test_memory_must_be_small_and_flat(peaks_mb: dict[int, float], passed: bool) -> None:
    assert measure.memory(peaks_mb)["passed"] is passed


def test_the_start_is_judged_by_its_median() -> None:
    assert measure.start([300, 300, 2000])["passed"]
    assert not measure.start([300, 450, 450])["passed"]


def test_a_missed_target_is_listed_and_shown_in_the_table() -> None:
    """A missed target is listed with its row and column, and shown in the table."""
    document = measure.clients([{"wrk": costing(10), "ddbload": costing(50), "aiobotocore": costing(400)}])
    document |= {"memory": measure.memory({1_000: 20.0}), "start": measure.start([100.0])}
    verdicts = dict(measure.judged(json.loads(json.dumps(document))))
    assert verdicts == {
        "ddbload: <= 1.7 x wrk": False,
        "ddbload.times_cheaper_than_aiobotocore: >= 30": False,
        "memory: < 60 MB": True,
        "start: < 400 ms": True,
    }
    text = measure.table(document)
    assert text.count("MISSED") == 2
    assert text.count("met") == 2


@given(st.dictionaries(st.sampled_from(["wrk", "wrk_tls", "ddbload", "ddbload_tls", "boto3"]), samples, min_size=1))
def test_the_rows_of_a_table_are_of_one_width(round_: dict[str, Sample]) -> None:
    lines = measure.table(measure.clients([round_])).split("\n\n")[0].splitlines()
    assert len(lines) == 2 + len(round_)
    assert len({len(line) for line in lines}) == 1


def test_the_core_share_of_wrk_shows_an_undisturbed_machine() -> None:
    """The share of wrk, which is never idle, shows whether other work disturbed the machine."""
    calm = measure.clients([{"wrk": Sample(1_000, 0.5, 0.45, 1.0)}])
    busy = measure.clients([{"wrk": Sample(1_000, 0.3, 0.25, 1.0)}])
    assert measure.disturbance(calm) is None
    assert "55%" in (measure.disturbance(busy) or "")
    assert measure.disturbance({}) is None


def test_figures_replace_only_the_text_between_the_marks() -> None:
    """Figures replace older ones between the marks, and nothing else."""
    document = measure.clients([{"wrk": costing(10)}])
    document["conditions"] = {
        "rounds": 5,
        "measured_at": "2026-01-02T03:04:05+00:00",
        "processor": "a processor",
        "cores": 2,
        "python": "3.11.7",
        "system": "Linux",
    }
    text = f"before\n{measure.MEASURED}\nolder\n{measure.END_OF_MEASURED}\nafter\n"
    filled = measure.filled_in(text, document)
    assert filled.startswith("before\n")
    assert filled.endswith("\nafter\n")
    assert "older" not in filled
    assert measure.table(document) in filled
    assert measure.filled_in(filled, document) == filled
    with pytest.raises(ValueError, match="no marks for the figures"):
        measure.filled_in("no marks", document)
