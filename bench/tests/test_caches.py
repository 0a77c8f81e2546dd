# SPDX-License-Identifier: Apache-2.0
"""The measurement with cold caches: each request has a tick and a response, and both are measured."""

from __future__ import annotations

import pytest

from bench import caches, drive
from bench.caches import Times


def test_both_parts_of_a_request_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The buffer is written before each; what it costs is not part of the time."""
    driven: list[drive.Driven] = []
    original = drive.drive
    monkeypatch.setattr(drive, "drive", lambda *arguments: driven.append(original(*arguments)))
    times = caches.measure(1, requests=200)
    assert [each.requests for each in driven] == [200]
    assert times.tick_us > 0 < times.response_us
    assert times.request_us == times.tick_us + times.response_us


def test_the_table_has_warm_and_cold_caches(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "measure", lambda mib: Times(mib + 1.0, 1.5))
    assert caches.main(["--buffer", "8"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| warm | 1.0 | 1.5 | 2.5 |",
        "| cold: 8 MiB written | 9.0 | 1.5 | 10.5 |",
    ]
