# SPDX-License-Identifier: Apache-2.0
"""Events: histograms are encoded where an event is written, and decoded once where it is read."""

import asyncio
import json
from io import StringIO
from typing import Any

import pytest
from ddbload.results import merge
from ddbload.results.events import EventReader, EventWriter, encoding, to_json
from ddbload.stats.histogram import Histogram
from ddbload.turns import Turns
from results.test_merge import OK
from results.test_merge import events as log


def document() -> dict[str, Any]:
    """Return figures with histograms at two depths."""
    kinds = {"latency": Histogram.from_values([1, 2]), "service": Histogram.from_values([3])}
    return {"sent": 2, "service_histogram": Histogram.from_values([5]), "operations": {"put": {"ok": kinds}}}


def test_a_written_event_has_its_histograms_as_text() -> None:
    stream, written = StringIO(), document()
    EventWriter("r", None, 0, stream).write("run.progress", **written)
    event = json.loads(stream.getvalue())
    assert event["service_histogram"] == written["service_histogram"].encode()
    assert Histogram.decode(event["operations"]["put"]["ok"]["latency"]) == Histogram.from_values([1, 2])


def test_the_lines_of_each_worker_are_numbered() -> None:
    """The lines that a supervisor writes, passes on or omits make no gap for any worker."""
    stream, other = StringIO(), StringIO()
    writer, process = EventWriter("r", None, 0, stream), EventWriter("r", "arn:task/1", 1, other)
    writer.write("run.ready")
    for _event in range(3):
        process.write("run.progress", text='{"ts":"x","line":7,"worker":5')
    first, _left_out, third = other.getvalue().splitlines(keepends=True)
    for line in (first, third, "no event\n"):
        writer.pass_on(line)
    writer.of_worker(1).write("run.died")
    writer.fail(1, "why")
    *lines, foreign, died, failed = stream.getvalue().splitlines()
    events = [json.loads(line) for line in (*lines, died, failed)]
    assert [(event["worker"], event["line"]) for event in events] == [(0, 1), (1, 1), (1, 2), (1, 3), (0, 2)]
    assert events[2]["text"] == '{"ts":"x","line":7,"worker":5'
    assert events[2]["task_id"] == "arn:task/1"
    assert foreign == "no event"


def test_other_objects_are_not_written() -> None:
    with pytest.raises(TypeError, match="an event cannot hold a set"):
        to_json({"operations": {1}})


def test_encoded_figures_are_those_at_the_call() -> None:
    """Counts during the encoding of other histograms are not in the checkpoint."""
    figures = document()
    latency = figures["operations"]["put"]["ok"]["latency"]
    before = to_json(figures)

    async def count() -> None:
        for value in range(100):
            latency.record(value)
            await asyncio.sleep(0)

    async def both() -> dict[str, Any]:
        counting = asyncio.create_task(count())
        result = await Turns().run(encoding(figures))
        assert latency.total > 2, "nothing else ran meanwhile"
        await counting
        return result

    assert json.loads(to_json(asyncio.run(both()))) == json.loads(before)


def test_each_histogram_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = log("task-0", [OK], [OK])
    texts = [text for line in lines for text in line.split('"') if text.startswith("HIST")]
    decoded = []

    def decode(text: str) -> Histogram:
        decoded.append(text)
        return original(text)

    original = Histogram.decode
    monkeypatch.setattr(Histogram, "decode", decode)
    merged = merge.merge(lines)
    assert merged["operations"]["put"]["ok"] == 2
    assert sorted(decoded) == sorted(texts) != []


def test_a_read_event_has_its_histograms() -> None:
    progress = next(
        event for event, _text in EventReader().read(log("task-0", [OK])) if event["event"] == "run.progress"
    )
    assert progress["interval"]["histograms"] == {"put": Histogram.from_values([5000])}
    assert progress["interval"]["service_histogram"] == Histogram.from_values([5000])
