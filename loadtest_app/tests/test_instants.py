# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from datetime import datetime

from ddbload.instants import epoch_text
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 4_000_000_000_000))
def test_a_text_that_is_read_gives_the_same_text(epoch_ms: int) -> None:
    """A conversion between clocks costs some microseconds: an instant is rounded, not cut off."""
    text = epoch_text(epoch_ms / 1000)
    assert epoch_text(datetime.fromisoformat(text).timestamp()) == text
    assert epoch_text(epoch_ms / 1000 - 1e-5) == text


def test_an_instant_has_milliseconds_and_ends_in_z() -> None:
    assert epoch_text(1_795_881_600.31199) == "2026-11-28T16:00:00.312Z"
