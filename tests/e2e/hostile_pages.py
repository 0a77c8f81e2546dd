# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Web pages that have a browser call the embedded AWS, and the call: it creates a stack that runs code."""

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

from emulator_env import ROOT

ICON = "/favicon.ico"
ROLE = "arn:aws:iam::000000000000:role/any"
FORM = """<form method=POST action="{url}" {target}><textarea name=Action>{Action}</textarea>
<textarea name=Version>{Version}</textarea><textarea name=StackName>{StackName}</textarea>
<textarea name=Capabilities.member.1>{Capabilities}</textarea><textarea name=TemplateBody>{TemplateBody}</textarea>
</form><iframe name=inside></iframe><script>document.forms[0].submit()</script>"""
FETCH = "<script>fetch({url}, {options})</script>"
# The ways in which a page makes a browser send a request; no browser blocks a form at the top level.
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
    """Return the form of a CreateStack that runs code: the code creates a file."""
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
    """Return a page that has the browser of its reader send the form to a server."""
    query = urlencode(fields)
    link = json.dumps(f"{url}?{query}")
    if name.startswith("form"):
        escaped = {key: value.replace("&", "&amp;").replace("<", "&lt;") for key, value in fields.items()}
        return PAGES[name].format(url=url, **escaped)
    return PAGES[name].format(url=json.dumps(url), link=link, query=json.dumps(query))


@dataclass
class Site:
    """A web server that serves pages and records the requests that it receives.

    Attributes:
        port: of 127.0.0.1.
        pages: by path.
        received: actions that it received, in a form or in a URL.
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
    """Return the load tester's browser driver, which is in another package."""
    path = ROOT / "loadtest_app" / "tests" / "browser" / "chromium.py"
    specification = importlib.util.spec_from_file_location("chromium_of_the_load_tester", path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def calls(events: list[dict[str, Any]], called: str) -> dict[str, int | None]:
    """Return what a page called, from the events of the browser.

    Args:
        events: of the DevTools protocol, oldest first.
        called: the start of the URLs that count. The browser requests a site's icon on its own: that does not count.

    Returns:
        The status of each response by the id of its request: 0 where the browser blocked the request, None where no
        response has come yet.
    """
    found: dict[str, int | None] = {}
    for event in events:
        parameters = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if url.startswith(called) and urlsplit(url).path != ICON:
                    found.setdefault(parameters["requestId"], None)
            case "Network.responseReceived" if parameters["requestId"] in found:
                if parameters["response"]["url"].startswith(called):
                    found[parameters["requestId"]] = int(parameters["response"]["status"])
            case "Network.loadingFailed" if parameters["requestId"] in found:
                found[parameters["requestId"]] = found[parameters["requestId"]] or 0
    return found


def visit(browser: Any, url: str, called: str, seconds: float = 60.0) -> list[int]:
    """Open a page and wait until each of its calls has a response, or the browser has blocked it.

    Returns:
        The status of each response to a call; 0 where the browser blocked the call.
    """
    browser.events.clear()
    browser.call("Page.navigate", url=url)
    deadline = time.monotonic() + seconds
    while True:
        with suppress(chromium().BrowserError):  # the browser leaves the page
            browser.call("Runtime.evaluate", expression="1")  # events arrive with the response
        made = calls(browser.events, called)
        found = [status for status in made.values() if status is not None]
        if found and len(found) == len(made):
            return found
        assert time.monotonic() < deadline, (made, browser.events[-5:])
        time.sleep(0.05)
