# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of reports in docs/images: python tests/browser/screenshots.py FOLDER.

It runs the load tester against scripted servers and takes pictures of the pages; this takes four minutes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from command import Limited, Running, constant, rule
from ddbload.report.html import comparison_page, page, run_page
from ddbload.results.comparing import comparison
from server import Server

from browser import chromium

WIDTH = 1000
PHONE = 390
MARGIN = 16
TABLE = {"TableName": "orders"}

# Reads take 3 ms, writes 5 ms, some responses more; in second 30 the table stands still for a while.
SLOW_AT_TIMES = (
    rule({"delay_ms": 3}),
    rule({"delay_ms": 2}, operation=["PutItem", "UpdateItem"]),
    rule({"delay_ms": 4}, share=0.3, seed=1),
    rule({"delay_ms": 9}, share=0.1, seed=2),
    rule({"delay_ms": 30}, share=0.01, seed=3),
)
STALL = rule({"stall": True}, window_s=[30.0, 31.2])
SLOWER_WRITES = rule({"delay_ms": 6}, operation="PutItem")
REPORTED: Mapping[str, Any] = {
    "plan": {"type": "sine", "mean": 400, "amplitude": 150, "period": 40, "duration": 60},
    "mix": {"get": {"weight": 6, "keys": "zipfian"}, "put": 3, "update": 1},
    "thresholds": ["p99 < 100ms", "get.p50 < 10ms", "throttled < 0.1%", "failed == 0", "rate >= 99%", "lost == 0"],
}

# 200 write units a second, and the credit of a burst.
LIMIT, CREDIT = 200, 2_000
PROVISIONED = {
    "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": {"ReadCapacityUnits": LIMIT, "WriteCapacityUnits": LIMIT},
    "WarmThroughput": None,
}
THROTTLE = {"throttle": {"reason": "TableWriteProvisionedThroughputExceeded"}}
THROTTLED: Mapping[str, Any] = {
    "plan": {"type": "spike", "base": 120, "peak": 450, "duration": 40, "at": 8, "length": 20},
    "thresholds": ["throttled < 1%"],
}
COMPARED: Mapping[str, Any] = {"plan": constant(150, 60), "mix": {"put": 1, "get": 1}}


def results(server: Server, run_id: str, scenario: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results of a run against a server."""
    with Running(server.url, {"table": TABLE["TableName"], **scenario}, "--run-id", run_id) as running:
        running.wait_for("run.summary")
        return running.end().results


def main() -> int:
    """Make the pictures of a run, of one that is throttled, and of two that are compared."""
    program = chromium.find()
    if not program or len(sys.argv) != 2:
        print(__doc__ if program else chromium.MISSING, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    with Server([*SLOW_AT_TIMES, STALL], table=TABLE) as server:
        reported = results(server, "friday", REPORTED)
    with Server(Limited(THROTTLE, LIMIT, CREDIT), process=False, table=TABLE | PROVISIONED) as server:
        throttled = results(server, "spike", THROTTLED)
    with Server(SLOW_AT_TIMES, table=TABLE) as server:
        before = results(server, "monday", COMPARED)
    with Server([*SLOW_AT_TIMES, SLOWER_WRITES], table=TABLE) as server:
        after = results(server, "tuesday", COMPARED)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        report, compared = Path(scratch) / "report.html", Path(scratch) / "comparison.html"
        refused = Path(scratch) / "refused.html"
        page.save(report, run_page.render(reported))
        page.save(refused, run_page.render(throttled))
        page.save(compared, comparison_page.render([comparison.compare(before, after)], [before, after]))
        with chromium.Browser(program, Path(scratch) / "profile") as browser:
            browser.open(report, WIDTH, "light")
            browser.screenshot(folder / "report-top.png", "header", "#summary", MARGIN)
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
