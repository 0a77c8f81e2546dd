# SPDX-License-Identifier: Apache-2.0
"""The page of a run: one file, verdict first, every chart with its table, and no foreign content."""

import base64
import functools
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ddbload import cli
from ddbload.report import timeline
from ddbload.report.html import comparison_page, markup, page, run_page
from ddbload.results import file, merge
from ddbload.results.comparing import groups
from ddbload.stats.histogram import Histogram
from hypothesis import given, settings
from hypothesis import strategies as st
from run_results import SCENARIO, made, steady

ASSETS = Path(page.__file__).parent / "assets"
HOSTILE = (
    "<script>document.title='owned'</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>'",
    "--></style><!--",
    "]]>\u2028\x00\ud800&lt;",
)
# A text that is a key of the results already would take its entry.
KEYS = {*SCENARIO, "table", "get"}
texts = (st.text() | st.sampled_from(HOSTILE)).filter(lambda text: text not in KEYS)


class Elements(HTMLParser):
    """Records every element and attribute, and the content of scripts."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.comments: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in markup.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def skeleton(document: str) -> list[str]:
    """Return the elements of a page, in order: what hostile texts must not change."""
    return [tag for tag, _attributes in Elements(document).elements]


def named(text: str) -> dict[str, Any]:
    """Return results in which all texts from outside are this text."""
    whole = made([{"put": [1000, 2000]}] * 12, run_id=text, throttled=[{text: 3}], warnings=[text], failures=[text])
    operation = whole["operations"]["put"] | {"failed": {text: 1}, "cancelled": {text: 1}}
    operation["indexes"] = {text: {"consumed_read_units": 1.0, "consumed_write_units": 1.0}}
    verification = dict.fromkeys(("checked", "keys", "present", "absent", "indeterminate", "corrupt", "phantom"), 0)
    examples: dict[str, list[str]] = {"lost": [text], "corrupt": [], "phantom": []}
    return whole | {
        "region": text,
        "version": text,
        "table": whole["table"] | {"name": text, "key_schema": [{"name": text, "type": "S"}], "indexes": [text]},
        "scenario": SCENARIO | {"table": text, text or "x": text},
        "tasks": [{"task_id": text or "x", "worker": 0, "exit_code": 3, "hardware": {"architecture": text}}],
        "operations": {text: operation, "get": whole["operations"]["get"]},
        "series": [second | {"histograms": {text: second["histograms"]["put"]}} for second in whole["series"]],
        "thresholds": [{"expression": text, "value": None, "unit": text, "passed": False}],
        "cost": whole["cost"] | {"note": text},
        "verification": verification | {"lost": 1, "examples": examples, "complete": False, "error": text},
        "search": {
            "answer": text,
            "steps": [{"rate": 1.0, "phase": text, "passed": False, "reason": text, "reached": 1.0}],
        },
    }


# ---- No injection


@functools.cache
def harmless() -> list[str]:
    """The elements of a page with plain texts."""
    return skeleton(run_page.render(named("harmless")))


@settings(max_examples=60)
@given(texts)
def test_texts_of_a_run_are_shown_not_interpreted(text: str) -> None:
    assert skeleton(run_page.render(named(text))) == harmless()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts_everywhere(text: str) -> None:
    whole = run_page.render(named(text))
    found = Elements(whole)
    assert not any(name.startswith("on") for _tag, attributes in found.elements for name in attributes)
    assert len(found.comments) == 1
    # The data script contains them, and parses to the same.
    (data,) = [text for text in found.texts["script"] if text.startswith("[")]
    labels = {line["label"] for chart in json.loads(data) for line in chart["lines"]}
    assert text in labels
    assert "<" not in data


@pytest.mark.parametrize("count", [2, 3])
def test_hostile_texts_stay_texts_in_a_comparison(count: int) -> None:
    """Hostile texts stay texts in a comparison of two runs, and in one of groups."""

    def whole(text: str) -> str:
        runs = [made(steady(1000, at), run_id=f"{text}{at}") for at in range(count)]
        return comparison_page.render([groups.compare(runs[:-1], runs[-1:])], runs)

    for text in HOSTILE:
        assert skeleton(whole(text)) == skeleton(whole("harmless"))


@given(texts, texts)
def test_attributes_and_texts_survive_a_parser(text: str, attribute: str) -> None:
    escaped = Elements(markup.element("p", text, title=attribute))
    # An HTML parser normalises line ends and surrogates; the rest is unchanged.
    plain = "".join(escaped.texts.get("p", []))
    assert plain == text
    assert escaped.elements == [("p", {"title": attribute})]


@settings(max_examples=40)
@given(
    st.recursive(
        texts | st.none() | st.floats(allow_nan=False), lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
    )
)
def test_embedded_data_cannot_end_its_script(document: Any) -> None:
    text = markup.embedded(document)
    assert json.loads(text) == document
    assert not set("<>&\u2028\u2029") & set(text)


def test_a_page_with_half_a_character_can_be_saved(tmp_path: Path) -> None:
    page.save(tmp_path / "report.html", run_page.render(named("\ud800")))
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


# ---- One file


def test_the_page_fetches_nothing_and_runs_no_other_script() -> None:
    found = Elements(run_page.render(made(steady(1000, 1))))
    assert not [tag for tag, _attributes in found.elements if tag in ("link", "img", "iframe", "object", "base", "a")]
    assert not [attributes for _tag, attributes in found.elements if attributes.keys() & {"src", "href", "action"}]
    (policy,) = [meta["content"] for meta in found.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    scripts = found.texts["script"]
    sums = {f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts[1:]}
    assert policy.startswith("default-src 'none'; ")
    assert set(re.findall(r"'sha256-[^']*'", policy)) == sums
    assert "url(" not in "".join(found.texts["style"])


def test_vendored_files_are_those_that_their_list_names() -> None:
    listed = re.findall(r"\| `(\S+)` \| `([0-9a-f]{64})` \|", (ASSETS / "README.md").read_text(encoding="utf-8"))
    assert {name for name, _sum in listed} == {path.name for path in ASSETS.glob("uPlot.*") if path.suffix != ".txt"}
    for name, digest in listed:
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == digest


def test_the_licence_of_the_charts_is_in_the_page() -> None:
    assert (ASSETS / "uPlot.LICENSE.txt").read_text(encoding="utf-8") in run_page.render(made(steady(1000, 1)))


# ---- Content


def test_verdict_and_thresholds_come_before_everything_else() -> None:
    failed = {"expression": "put.p99 < 1ms", "value": 1.5, "unit": "ms", "passed": False}
    run = made(steady(1000, 1), verdict="failed", exit_code=3, warnings=["careful"])
    whole = run_page.render(run | {"thresholds": [*run["thresholds"], failed]})
    positions = [whole.index(f'id="{name}"') for name in ("verdict", "thresholds", "warnings", "summary", "operations")]
    assert positions == sorted(positions)
    assert "1 of 2 thresholds failed. Exit code 3." in whole
    assert whole.index("put.p99 &lt; 1ms") < whole.index("put.p99 &lt; 1s")


def test_every_chart_has_a_unique_name_and_a_table() -> None:
    run = made([{"put": [1000], "get": [2000]}] * 12, throttled=[{"A": 1, "B": 2}])
    found = Elements(run_page.render(run))
    (data,) = [text for text in found.texts["script"] if text.startswith("[")]
    names = [chart["name"] for chart in json.loads(data)]
    assert len(set(names)) == len(names)
    assert {f"chart-{name}" for name in names} == {
        attributes["id"] for attributes in found.all("div") if attributes.get("class") == "chart"
    }
    assert {"throughput", "lateness", "latency", "heat", "percentiles", "outcomes", "throttles", "write-units"} <= set(
        names
    )
    for figure in re.findall("<figure>.*?</figure>", run_page.render(run), re.DOTALL):
        assert figure.count("<table>") == 1
        assert len(re.findall("<tr>", figure)) > 2


def test_a_run_without_events_has_a_page() -> None:
    whole = run_page.render(merge.merge([], {"task-0": 137}))
    assert "incomplete" in whole
    assert "chart-throughput" not in whole


def test_the_page_of_an_old_run_has_no_service_times() -> None:
    """A run of an earlier version has a page without the times from the send."""
    run = made(steady(1000, 1))
    for second in run["series"]:
        del second["service_histogram"]
    for name in ("version", "endpoint", "region"):
        del run[name]
    run["tasks"][0].pop("hardware")
    whole = run_page.render(run)
    assert "p50, from the plan" in whole
    assert "p50, from the send" not in whole


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    file.save(path, made(steady(1000, 1)))
    assert cli.main(["report", str(path), "--html", str(tmp_path / "report.html")]) == 0
    assert "verdict: PASSED" in capsys.readouterr().out
    assert "chart-latency" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert cli.main(["report", str(path), "--html", str(tmp_path / "none" / "report.html")]) == 2
    assert "cannot write" in capsys.readouterr().err


# ---- Point by point


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=4), min_size=1, max_size=40), st.integers(1, 50))
def test_merging_seconds_loses_nothing(seconds: list[list[int]], most: int) -> None:
    run = made([{"put": times} for times in seconds])
    found = timeline.points(run, most)
    assert len(found) <= most
    assert sum(point.counts["ok"] for point in found) == sum(map(len, seconds))
    assert sum(point.length_s for point in found) == pytest.approx(len(seconds))
    together = Histogram()
    for point in found:
        together.add(point.latency)
    assert dict(together.slots()) == dict(Histogram.from_values(time for times in seconds for time in times).slots())


def test_a_short_last_second_is_no_drop_in_the_rate() -> None:
    run = made([{"put": [1000] * 100}] * 4 + [{"put": [1000] * 50}], elapsed_s=4.5)
    assert [point.rate(point.counts["sent"]) for point in timeline.points(run)] == [100.0] * 5
