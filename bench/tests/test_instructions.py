# SPDX-License-Identifier: Apache-2.0
"""The instructions of a request."""

from __future__ import annotations

import sys

import pytest

from bench import drive, instructions


@pytest.mark.parametrize("rate", [None, 1_000])
def test_a_count_is_repeatable_and_resets_the_trace(rate: float | None) -> None:
    """A second count is the same as the first, and no trace function stays set."""
    before = sys.gettrace(), sys.getprofile()
    first, second = instructions.count(1_000, rate), instructions.count(1_000, rate)
    # Signatures compute their prefix again if the second changes during the count.
    assert second.bytecodes == pytest.approx(first.bytecodes, rel=0.01)
    assert second.c_calls == pytest.approx(first.c_calls, rel=0.01)
    assert (sys.gettrace(), sys.getprofile()) == before


def test_every_request_passes_through_each_part_of_the_loop() -> None:
    functions = instructions.count(1_000).functions
    for part in ("http1.py:Connection.data_received", "sign.py:Signer.request"):
        assert functions[part] > 10


def test_the_loop_makes_the_requested_number_of_puts() -> None:
    assert drive.drive(777).requests == 777
    assert drive.drive(1_000, 1_000).requests == 1_000


@pytest.mark.parametrize(
    ("rate", "bytecodes", "wakings"),
    [(None, 515, 0.03), (1_000, 700, 2.0), (5_000, 650, 0.8), (10_000, 625, 0.4), (20_000, 610, 0.24)],
)
def test_a_request_stays_within_its_limits(rate: float | None, bytecodes: int, wakings: float) -> None:
    """A request, with its share of a tick at a rate, stays within its number of bytecodes and of wakings."""
    counted = instructions.count(rate=rate)
    # Counted on Python 3.11; the limit leaves room for the instructions of other versions.
    assert counted.bytecodes <= (bytecodes if sys.version_info[:2] == (3, 11) else bytecodes * 1.4)
    assert counted.wakings <= wakings * 1.01
