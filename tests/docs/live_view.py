# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the picture of a terminal in the middle of a run: python tests/docs/live_view.py PICTURE [OPTION…].

The environment `local` has to be deployed. The options go to ansible-playbook.
"""

from __future__ import annotations

import html
import os
import pty
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from hostile_pages import chromium

ROOT = Path(__file__).parents[2]
COLUMNS, LINES = 100, 8
MIDDLE = re.compile(r"0:(0[789]|1[012])/0:15")
PATIENCE_S = 120.0
READ_BYTES = 65_536
# ECMA-48 SGR: Ansible's colours, in shades that are legible on a dark page.
COLOURS = {
    "31": "#ff7b72",
    "32": "#7ee787",
    "33": "#e3b341",
    "34": "#79c0ff",
    "35": "#d2a8ff",
    "36": "#56d4dd",
}
SEQUENCE = re.compile(r"\x1b\[([\d;]*)([A-Za-z])")
GREY = "#8b949e"
HEAD = f"""<span style="color: {GREY}">$</span> ansible-playbook run-test.yml -e env=local
<span style="color: {GREY}">[…]</span>
"""
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{margin: 0; background: #0d1117}}
pre {{margin: 0; padding: 14px 18px; width: max-content; color: #e6edf3; font: 15px/1.45 "DejaVu Sans Mono", monospace}}
</style><pre>{}</pre>"""


def shown(output: str) -> list[str]:
    """Return a terminal's lines: a carriage return and EL erase the line, LF ends it."""
    lines = [""]
    for part in re.split(r"(\r\n|\r|\n)", output):
        if part in ("\r\n", "\n"):
            lines.append("")
        elif part != "\r":
            lines[-1] = part.rpartition("\x1b[2K")[2] if "\x1b[2K" in part else lines[-1] + part
    return lines


def markup(line: str) -> str:
    """Return a line as HTML with its colours."""
    text, colour = "", ""
    position = 0
    for sequence in SEQUENCE.finditer(line):
        text += coloured(line[position : sequence.start()], colour)
        position = sequence.end()
        if sequence[2] == "m":
            colour = next((COLOURS[code] for code in sequence[1].split(";") if code in COLOURS), "")
    return text + coloured(line[position:], colour)


def coloured(text: str, colour: str) -> str:
    """Return a text as HTML in a colour, if it has one."""
    escaped = html.escape(text)
    return f'<span style="color: {colour}">{escaped}</span>' if colour and text else escaped


def recorded(command: list[str]) -> str:
    """Run a command on a terminal to its end, and return its output up to the middle of the run.

    Raises:
        TimeoutError: the middle did not come.
    """
    controller, terminal = pty.openpty()
    environment = os.environ | {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "ANSIBLE_FORCE_COLOR": "true"}
    output, until = "", time.monotonic() + PATIENCE_S
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=terminal, stderr=terminal, stdin=terminal
    ) as process:
        os.close(terminal)
        middle = ""
        while time.monotonic() < until:
            try:
                output += os.read(controller, READ_BYTES).decode(errors="replace")
            except OSError:  # the last process that had the terminal has ended
                break
            if not middle and MIDDLE.search(output):
                middle = output
        if process.poll() is None and time.monotonic() >= until:
            process.terminate()
    os.close(controller)
    if not middle:
        raise TimeoutError(f"the middle of the run did not come: {output[-500:]}")
    return middle


def main() -> int:
    """Record a run, and make its picture."""
    browser = chromium()
    program = browser.find()
    if not program or len(sys.argv) < 2:
        print(__doc__ if program else browser.MISSING, file=sys.stderr)
        return 2
    output = recorded(["ansible-playbook", "run-test.yml", "-e", "env=local", *sys.argv[2:]])
    lines = shown(output)[-LINES:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        page = Path(scratch) / "terminal.html"
        page.write_text(PAGE.format(HEAD + "\n".join(map(markup, lines))), encoding="utf-8")
        with browser.Browser(program, Path(scratch) / "profile") as opened:
            opened.open(page, 1000, "dark")
            opened.screenshot(Path(sys.argv[1]), "pre")
    return 0


if __name__ == "__main__":
    sys.exit(main())
