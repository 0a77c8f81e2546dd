# SPDX-License-Identifier: Apache-2.0
"""The count of what a request takes."""

from __future__ import annotations

import sys

import pytest

from bench import drive, instructions


@pytest.mark.parametrize("is_open", [False, True])
def test_a_count_comes_out_the_same_again_and_leaves_no_trace_behind(is_open: bool) -> None:
    before = sys.gettrace(), sys.getprofile()
    first, second = instructions.count(1_000, is_open), instructions.count(1_000, is_open)
    # The second in which a request is signed may change while it counts: its prefix is then built anew.
    assert second.bytecodes == pytest.approx(first.bytecodes, rel=0.01)
    assert second.c_calls == pytest.approx(first.c_calls, rel=0.01)
    assert (sys.gettrace(), sys.getprofile()) == before


def test_every_request_passes_through_each_part_of_the_loop() -> None:
    functions = instructions.count(1_000).functions
    for part in ("http1.py:Connection.data_received", "sign.py:Signer.request"):
        assert functions[part] > 10


def test_the_loop_makes_as_many_puts_as_it_is_asked_for() -> None:
    drive.drive(777)
    drive.drive(1_000, is_open=True)


@pytest.mark.parametrize(("is_open", "most"), [(False, 530), (True, 660)])
def test_a_request_takes_no_more_bytecodes_than_it_did(is_open: bool, most: int) -> None:
    # Counted on Python 3.11; other versions have other instructions, and are given room for them.
    ceiling = most if sys.version_info[:2] == (3, 11) else most * 1.4
    assert instructions.count(is_open=is_open).bytecodes <= ceiling
