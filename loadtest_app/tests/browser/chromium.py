# SPDX-License-Identifier: Apache-2.0
"""A real browser without a window, driven over a pipe: https://chromedevtools.github.io/devtools-protocol/."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no browser: the report is not tested in a real one -> apt-get install chromium (or set CHROMIUM to its path)"
ARGUMENTS = (
    "--headless",
    # The tests make the pages, and containers often have no user namespaces for the sandbox.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-pipe",
)
# The browser reads commands from descriptor 3 and responds on 4.
LAUNCHER = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
READ_BYTES = 1 << 16
HEIGHT = 900

Document = dict[str, Any]


class BrowserError(Exception):
    """The browser failed to carry out a command."""


def find() -> str | None:
    """Return the browser's path; None where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A browser with one page and a separate profile directory; it takes further arguments."""

    def __init__(self, program: str, folder: Path, *arguments: str) -> None:
        commands_read, self._write = os.pipe()
        self._read, answers_write = os.pipe()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                LAUNCHER,
                str(commands_read),
                str(answers_write),
                program,
                *ARGUMENTS,
                f"--user-data-dir={folder}",
                *arguments,
            ],
            pass_fds=(commands_read, answers_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_read)
        os.close(answers_write)
        self._number = 0
        self._rest = b""
        self._session = ""
        self.events: list[Document] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._write)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)

    def call(self, method: str, /, **parameters: Any) -> Document:
        """Call a method of the protocol and return its result; events that arrive meanwhile are kept."""
        self._number += 1
        message: Document = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                result: Document = answer["result"]
                return result
            self.events.append(answer)

    def open(self, path: Path, width: int = 1100, scheme: str = "light", phone: bool = False) -> None:
        """Load a file in a window of this width and wait until it is loaded.

        Args:
            path: of the file.
            width: of the window.
            scheme: the colours that the system prefers, light or dark.
            phone: whether the browser emulates a phone.
        """
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def messages(self) -> list[str]:
        """Return the page's console messages and exceptions since it was opened."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in kinds]

    def fetched(self) -> list[str]:
        """Return the addresses that the page requested since it was opened, its own included."""
        sent = [event["params"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [str(parameters["request"]["url"]) for parameters in sent]

    def screenshot(self, path: Path, first: str = "html", last: str | None = None, margin: int = 0) -> None:
        """Save a picture as PNG.

        Args:
            path: of the picture.
            first: selects its first element.
            last: selects its last element, if it is another.
            margin: pixels around them.
        """
        boxes = [
            self.evaluate(
                f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
                " return [box.left + scrollX, box.top + scrollY, box.right + scrollX, box.bottom + scrollY]; })()"
            )
            for selector in (first, last or first)
        ]
        left, top = (max(0, edge - margin) for edge in boxes[0][:2])
        right, bottom = (edge + margin for edge in boxes[1][2:])
        clip = {"x": left, "y": top, "width": right - left, "height": bottom - top, "scale": 1}
        picture = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def print(self, path: Path) -> None:
        """Print the page to a PDF."""
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"]))

    def _receive(self) -> Document:
        while b"\0" not in self._rest:
            data = os.read(self._read, READ_BYTES)
            if not data:
                raise BrowserError(f"the browser ended with exit code {self._process.wait()}")
            self._rest += data
        message, _end, self._rest = self._rest.partition(b"\0")
        document: Document = json.loads(message)
        return document
