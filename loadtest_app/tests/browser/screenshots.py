# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of docs/report.md: python tests/browser/screenshots.py RUN THROTTLED BASELINE COMPARED FOLDER."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ddbload.report.html import comparison_page, page, run_page
from ddbload.results import file
from ddbload.results.comparing import comparison

from browser import chromium

WIDTH = 1000
PHONE = 390
MARGIN = 16


def main() -> int:
    """Make the pictures of a run, of one that was throttled, and of two that are compared."""
    program = chromium.find()
    if not program or len(sys.argv) != 6:
        print(__doc__ if program else chromium.MISSING, file=sys.stderr)
        return 2
    run, throttled, *pair = (file.load(Path(argument)) for argument in sys.argv[1:5])
    folder = Path(sys.argv[5])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        report, compared = Path(scratch) / "report.html", Path(scratch) / "comparison.html"
        refused = Path(scratch) / "refused.html"
        page.save(report, run_page.render(run))
        page.save(refused, run_page.render(throttled))
        page.save(compared, comparison_page.render([comparison.compare(*pair)], pair))
        with chromium.Browser(program, Path(scratch) / "profile") as browser:
            browser.open(report, WIDTH, "light")
            browser.screenshot(folder / "report-light.png", "header", "#operations", MARGIN)
            browser.open(report, WIDTH, "dark")
            browser.screenshot(folder / "report-dark.png", "#latency", margin=MARGIN)
            browser.open(report, PHONE, "light", phone=True)
            browser.screenshot(folder / "report-phone.png", "header", "#summary", MARGIN)
            browser.open(refused, WIDTH, "light")
            browser.screenshot(folder / "report-throttles.png", "#outcomes", "#capacity", MARGIN)
            browser.open(compared, WIDTH, "light")
            browser.screenshot(folder / "comparison.png", "header", "main > section", MARGIN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
