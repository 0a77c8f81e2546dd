# SPDX-License-Identifier: Apache-2.0
"""A page that is one file: styles, script and figures are in it, and nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from ddbload.files import write_text
from ddbload.report.html.charts import Chart
from ddbload.report.html.markup import Content, Markup, element, embedded, render

# uPlot is vendored: assets/README.md has its version and sums, assets/uPlot.LICENSE.txt its licence.
STYLES = ("uPlot.min.css", "report.css")
SCRIPTS = ("uPlot.iife.min.js", "report.js")
LICENCE = "uPlot.LICENSE.txt"


def page(title: str, body: Sequence[Content], charts: Sequence[Chart]) -> str:
    """Return a whole page.

    Args:
        title: of the window.
        body: what stands in it; with the charts' elements.
        charts: the data that the script draws.
    """
    scripts = [_asset(name) for name in SCRIPTS]
    data = element("script", embedded([chart.document() for chart in charts]), type="application/json", id="chart-data")
    head = [
        element("meta", charset="utf-8"),
        # Nothing but the two scripts may run, and nothing may be fetched, whatever texts the results hold:
        # https://www.w3.org/TR/CSP3/
        element("meta", http_equiv="Content-Security-Policy", content=_policy(scripts)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        [element("style", Markup(_asset(name))) for name in STYLES],
    ]
    inner = [
        element("main", body),
        data,
        Markup(f"<!--\nCharts by uPlot, https://github.com/leeoniya/uPlot\n\n{_asset(LICENCE)}-->"),
        [element("script", Markup(script)) for script in scripts],
    ]
    whole = element("html", element("head", head), element("body", inner), lang="en")
    return f"<!doctype html>\n{whole}\n"


def save(path: Path, text: str) -> None:
    """Write a page whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    # Texts of a broken log may hold halves of characters.
    write_text(path, text, errors="replace")


def theme_switch() -> Markup:
    """Return the button that changes between light and dark; without a script there is none."""
    return element("button", "Dark", type="button", id="theme", hidden=True)


def section(title: str, *content: Content, name: str | None = None) -> Markup:
    """Return a part of the page with a heading; nothing where it has no content."""
    inner = render(content)
    return element("section", element("h2", title), inner, id=name) if inner else Markup()


def _asset(name: str) -> str:
    return (resources.files("ddbload.report.html") / "assets" / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    sums = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts
    )
    return f"default-src 'none'; script-src {sums}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
