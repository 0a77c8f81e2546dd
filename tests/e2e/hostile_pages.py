# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Web pages that have a browser call the embedded AWS, and the call: a stack whose making runs code."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playground import ROOT

ROLE = "arn:aws:iam::000000000000:role/any"
FORM = """<form method=POST action="{url}" {target}><textarea name=Action>{Action}</textarea>
<textarea name=Version>{Version}</textarea><textarea name=StackName>{StackName}</textarea>
<textarea name=Capabilities.member.1>{Capabilities}</textarea><textarea name=TemplateBody>{TemplateBody}</textarea>
</form><iframe name=inside></iframe><script>document.forms[0].submit()</script>"""
FETCH = "<script>fetch({url}, {options})</script>"
# How a page makes a browser send a request; the form at the top level no browser holds back.
PAGES = {
    "form": FORM.replace("{target}", ""),
    "form in a frame": FORM.replace("{target}", "target=inside"),
    "link": "<script>location = {link}</script>",
    "image": "<img src={link}>",
    "simple fetch": FETCH.replace(
        "{options}", "{{method: 'POST', mode: 'no-cors', body: new URLSearchParams({query})}}"
    ),
}


def stack(marker: Path) -> dict[str, str]:
    """Return the form of a CreateStack that runs code: the code makes a file."""
    code = f"import pathlib\ndef handler(event, context):\n    pathlib.Path({str(marker)!r}).touch()\n"
    function = {"Handler": "index.handler", "Runtime": "python3.12", "Role": ROLE, "Code": {"ZipFile": code}}
    template = {
        "Resources": {
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Call": {"Type": "Custom::Call", "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}}},
        }
    }
    return {
        "Action": "CreateStack",
        "Version": "2010-05-15",
        "StackName": "made-by-a-page",
        "Capabilities": "CAPABILITY_NAMED_IAM",
        "TemplateBody": json.dumps(template),
    }


def page(name: str, url: str, fields: dict[str, str]) -> str:
    """Return a page that has its reader's browser send the form to a server."""
    query = urlencode(fields)
    link = json.dumps(f"{url}?{query}")
    if name.startswith("form"):
        escaped = {key: value.replace("&", "&amp;").replace("<", "&lt;") for key, value in fields.items()}
        return PAGES[name].format(url=url, **escaped)
    return PAGES[name].format(url=json.dumps(url), link=link, query=json.dumps(query))


@dataclass
class Site:
    """A web server that shows pages, and one that keeps what it is sent.

    Attributes:
        port: of 127.0.0.1.
        pages: by path.
        received: actions that were sent to it, as a form or in an address.
    """

    port: int = 0
    pages: dict[str, str] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return the handler of requests."""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._note(urlsplit(self.path).query)
                self._answer(site.pages.get(self.path, "nothing"))

            def do_POST(self) -> None:
                self._note(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer("nothing")

            def _note(self, form: str) -> None:
                site.received += parse_qs(form).get("Action", [])

            def _answer(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def site() -> Iterator[Site]:
    """Start a web server on a free port of the loopback."""
    made = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), made.handler())
    made.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


@cache
def chromium() -> ModuleType:
    """Return the load tester's driver of a browser, which is of another package."""
    path = ROOT / "loadtest_app" / "tests" / "browser" / "chromium.py"
    specification = importlib.util.spec_from_file_location("chromium_of_the_load_tester", path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def visit(browser: Any, url: str, called: str, seconds: float = 20.0) -> list[int]:
    """Open a page and wait until what it calls has answered, or was held back by the browser.

    Returns:
        The status of each answer to a call; 0 where the browser held one back.
    """
    browser.events.clear()
    browser.call("Page.navigate", url=url)
    deadline = time.monotonic() + seconds
    while True:
        with suppress(chromium().BrowserError):  # the page is being left
            browser.call("Runtime.evaluate", expression="1")  # events come with its answer
        calls: dict[str, int | None] = {}
        for event in browser.events:
            parameters = event.get("params", {})
            if event.get("method") == "Network.requestWillBeSent":
                if parameters["request"]["url"].startswith(called):
                    calls.setdefault(parameters["requestId"], None)
            elif event.get("method") == "Network.responseReceived" and parameters["requestId"] in calls:
                if parameters["response"]["url"].startswith(called):
                    calls[parameters["requestId"]] = int(parameters["response"]["status"])
            elif event.get("method") == "Network.loadingFailed" and parameters["requestId"] in calls:
                calls[parameters["requestId"]] = calls[parameters["requestId"]] or 0
        found = [status for status in calls.values() if status is not None]
        if found and len(found) == len(calls):
            return found
        assert time.monotonic() < deadline, (calls, browser.events[-5:])
        time.sleep(0.05)
