# SPDX-License-Identifier: Apache-2.0
"""The results in the terminal: small charts, colours on a terminal only, and no command to the terminal."""

import io
import re

import pytest
from ddbload.report.text import console, sparkline
from ddbload.report.text import run as terminal
from ddbload.stats.histogram import Histogram
from hypothesis import given
from hypothesis import strategies as st
from run_results import made, steady

values = st.lists(st.none() | st.floats(0.0, 1e6), max_size=200)


@given(values, st.integers(1, 80), st.booleans())
def test_a_line_never_exceeds_its_width(series: list[float | None], width: int, logarithmic: bool) -> None:
    drawn = sparkline.line(series, width, is_logarithmic=logarithmic)
    assert len(drawn) == min(len(series), width)
    assert set(drawn) <= set(sparkline.BLOCKS + sparkline.EMPTY)


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60), st.booleans())
def test_a_higher_value_is_never_drawn_lower(series: list[float], logarithmic: bool) -> None:
    drawn = sparkline.line(series, len(series), is_logarithmic=logarithmic)
    heights = [sparkline.BLOCKS.index(character) for character in drawn]
    pairs = sorted(zip(series, heights, strict=True))
    assert [height for _value, height in pairs] == sorted(heights)
    assert heights[series.index(min(series))] == 0


@given(st.dictionaries(st.integers(1, 10**7), st.integers(1, 1000), min_size=1), st.integers(1, 80))
def test_a_distribution_shows_where_responses_are(counts: dict[int, int], width: int) -> None:
    histogram = Histogram()
    for value, count in counts.items():
        histogram.record(value, count)
    low, drawn, high = sparkline.distribution(histogram, width)
    assert len(drawn) == width
    assert low <= high == histogram.maximum() / 1000
    # The bars of the lowest and the highest value are not empty.
    assert drawn[0] != sparkline.EMPTY
    assert drawn[-1] != sparkline.EMPTY or len(dict(histogram.slots())) == 1


def test_the_report_has_its_small_charts() -> None:
    text = terminal.render(made(steady(2000, 1)))
    assert re.search(r"^p99 over time +[\d.]+ ms \|[▁▂▃▄▅▆▇█ ]{60}\| [\d.]+ ms$", text, re.MULTILINE)
    assert re.search(r"^responses by latency +[\d.]+ ms \|[▁▂▃▄▅▆▇█ ]{60}\| [\d.]+ ms$", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= terminal.WIDTH
    assert terminal.render(made(steady(2000, 1)), sparkline.PLAIN).isascii()


def test_a_run_without_a_response_has_no_charts() -> None:
    assert "over time" not in terminal.render(made([{"put": []}] * 3))


def test_names_contain_no_control_characters() -> None:
    run = made([{"put": [1000]}] * 3, run_id="\x1b[2Jx\nverdict: PASSED", warnings=["\x07\x9b31m"])
    text = terminal.render(run | {"operations": {"a\nverdict: b\r": run["operations"]["put"]}})
    assert all(character.isprintable() or character == "\n" for character in text)
    assert len(re.findall("^verdict:", text, re.MULTILINE)) == 1


def test_colours_do_not_change_the_text() -> None:
    run = made(steady(2000, 1), warnings=["w"], failures=["f"])
    text = terminal.render(run)
    coloured = terminal.colour(text)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == text
    assert terminal.GOOD + "PASSED" in coloured
    assert terminal.BAD + "failure:" in coloured
    assert terminal.WARNING + "warning:" in coloured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("mode", "stream", "environment", "coloured"),
    [
        ("auto", Terminal(), {}, True),
        ("auto", Terminal(), {"NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"NO_COLOR": ""}, True),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("auto", io.StringIO(), {}, False),
        ("always", io.StringIO(), {"NO_COLOR": "1"}, True),
        ("never", Terminal(), {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    mode: str, stream: io.StringIO, environment: dict[str, str], coloured: bool
) -> None:
    assert console.is_coloured(mode, stream, environment) is coloured


@pytest.mark.parametrize(("encoding", "blocks"), [("utf-8", sparkline.BLOCKS), ("ascii", sparkline.PLAIN)])
def test_charts_use_characters_of_the_stream_s_encoding(encoding: str, blocks: str) -> None:
    with io.TextIOWrapper(io.BytesIO(), encoding=encoding) as stream:
        assert console.blocks(stream) == blocks
