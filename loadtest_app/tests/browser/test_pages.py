# SPDX-License-Identifier: Apache-2.0
"""The pages in a real browser: charts are drawn in both colour schemes, at every width, with an empty console."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ddbload.report.html import comparison_page, page, run_page
from ddbload.results.comparing import comparison
from run_results import made, steady

from browser import chromium
from browser.chromium import Browser

# The lines of a chart, and the cells of the heat map, in the theme's colours: how many pixels of each.
PAINTED = """
[...document.querySelectorAll('.chart')].map((chart) => {
  const canvas = chart.querySelector('canvas');
  const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let painted = 0;
  const colours = new Set();
  for (let at = 0; at < all.length; at += 4) {
    if (all[at + 3] > 200) { painted += 1; colours.add(`${all[at]},${all[at + 1]},${all[at + 2]}`); }
  }
  return {name: chart.id, painted, colours: [...colours], shown: canvas.getBoundingClientRect().width};
})
"""
BRIGHTNESS = """
(getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number).slice(0, 3).reduce((a, b) => a + b) / 3)
"""
HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><b>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = chromium.find()
    if not program:
        pytest.skip(chromium.MISSING)
    with Browser(program, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    seconds = [{"put": second["put"], "get": [400, 900, 2000]} for second in steady(3000, 1)]
    breaker = {
        "action": "pause",
        "paused_s": 2.0,
        "openings": [{"opened_s": 5.0, "closed_s": 7.0, "reason": "r", "probes": 1}],
    }
    throttled = [{HOSTILE: second % 3, "KeyRange": 1} for second in range(60)]
    run = made(seconds, HOSTILE, throttled, warm_up_s=3.0, breaker=breaker, warnings=[HOSTILE])
    path = tmp_path_factory.mktemp("page") / "report.html"
    page.save(path, run_page.render(run))
    return path


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [made(steady(mean, seed), run_id=HOSTILE) for mean, seed in ((2000, 1), (4000, 2), (2000, 3))]
    path = tmp_path_factory.mktemp("page") / "comparison.html"
    page.save(path, comparison_page.render([comparison.compare(runs[0], run) for run in runs[1:]], runs))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["report", "compared"])
def test_every_chart_is_drawn_in_both_colour_schemes(
    name: str, scheme: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(name)
    browser.open(path, scheme=scheme)
    charts = browser.evaluate(PAINTED)
    assert len(charts) == {"report": 9, "compared": 3}[name]
    for chart in charts:
        assert chart["painted"] > 1000, chart["name"]
        assert len(chart["colours"]) > 3, chart["name"]
    assert (browser.evaluate(BRIGHTNESS) > 128) == (scheme == "light")
    assert browser.messages() == []
    assert browser.fetched() == [path.resolve().as_uri()]
    assert browser.evaluate("document.images.length") == 0
    assert browser.evaluate("document.title").endswith("owned") is False


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_button_changes_the_theme_and_the_charts_with_it(scheme: str, browser: Browser, report: Path) -> None:
    browser.open(report, scheme=scheme)
    before = {chart["name"]: set(chart["colours"]) for chart in browser.evaluate(PAINTED)}
    bright = browser.evaluate(BRIGHTNESS)
    assert browser.evaluate("document.getElementById('theme').textContent") == (
        "Dark" if scheme == "light" else "Light"
    )
    browser.evaluate("document.getElementById('theme').click()")
    browser.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert (browser.evaluate(BRIGHTNESS) > 128) != (bright > 128)
    after = {chart["name"]: set(chart["colours"]) for chart in browser.evaluate(PAINTED)}
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in after)
    assert browser.messages() == []


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
@pytest.mark.parametrize("name", ["report", "compared"])
def test_no_width_needs_scrolling_sideways(
    name: str, width: int, browser: Browser, request: pytest.FixtureRequest
) -> None:
    browser.open(request.getfixturevalue(name), width=width, phone=width < 500)
    browser.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("innerWidth") == width
    assert all(chart["shown"] > 0.6 * min(width, 980) for chart in browser.evaluate(PAINTED))


def test_console_messages_and_requests_are_noticed(browser: Browser, report: Path, tmp_path: Path) -> None:
    text = report.read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(text.replace("</main>", "<img src='missing.png'><script>throw 1</script></main>"))
    browser.open(broken)
    assert any("Content Security Policy" in complaint for complaint in browser.messages())
    broken.write_text("<!doctype html><img src='missing.png'><script>console.error('x'); throw new Error('y')</script>")
    browser.open(broken)
    assert len(browser.messages()) >= 2
    assert len(browser.fetched()) == 2


def test_charts_follow_the_width_of_the_window(browser: Browser, report: Path) -> None:
    browser.open(report, width=1000)
    wide = browser.evaluate(PAINTED)[0]["shown"]
    size = {"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    browser.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )
    assert browser.evaluate(PAINTED)[0]["shown"] < wide / 2
    assert browser.evaluate("document.documentElement.scrollWidth") <= 400


def test_legends_and_tables_match_the_charts(browser: Browser, report: Path) -> None:
    browser.open(report)
    labels = browser.evaluate(
        "[...document.querySelectorAll('#chart-throttles .u-label')].map((one) => one.textContent)"
    )
    assert HOSTILE in labels
    cells = browser.evaluate(
        "[...document.querySelectorAll('figure')].map((one) => one.querySelectorAll('details tbody tr').length)"
    )
    assert min(cells) >= 8
    assert max(cells) == 60


def test_a_pointer_on_a_chart_reads_its_values(browser: Browser, report: Path) -> None:
    browser.open(report)
    where = browser.evaluate(
        "(() => { const over = document.querySelector('#chart-latency .u-over'); over.scrollIntoView();"
        " const box = over.getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]; })()"
    )
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=where[0], y=where[1])
    browser.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )
    values = browser.evaluate("[...document.querySelectorAll('#chart-latency .u-value')].map((one) => one.textContent)")
    assert values[0].startswith("0:")
    assert all(0.1 < float(value) < 1000 for value in values[1:])


def test_a_dark_page_is_printed_light_and_stays_dark(browser: Browser, report: Path, tmp_path: Path) -> None:
    browser.open(report, scheme="dark")
    browser.evaluate(
        "window.seen = []; window.addEventListener('beforeprint', () => {"
        " seen.push(document.documentElement.dataset.theme, document.querySelector('.chart canvas').clientWidth); })"
    )
    browser.print(tmp_path / "report.pdf")
    assert browser.evaluate("seen") == ["light", 660]
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert browser.evaluate(BRIGHTNESS) < 128


def test_without_its_script_the_page_shows_tables(browser: Browser, report: Path) -> None:
    """Without its script the page shows every figure as a table."""
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(report)
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.evaluate("document.querySelectorAll('canvas').length") == 0
    assert browser.evaluate("document.querySelectorAll('figure table').length") == 9
    assert browser.evaluate("document.getElementById('theme').hidden")
    assert json.dumps(HOSTILE)[1:-1] not in browser.evaluate("document.documentElement.outerHTML")
