# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is displayed of a deployment of a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.gantry.ecs.plugins.action.ecs_service import ActionModule
from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveReader
from ansible_collections.gantry.ecs.plugins.module_utils.live.service_feed import ServiceFeed
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.service_view import ServiceView
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.terminal import CLEAR, Shown


def records(path: Path) -> list[dict[str, Any]]:
    """Return the records that the module's feed writes."""
    feed = ServiceFeed(str(path / "live"))
    feed.note("service web: web:8 instead of web:7")
    feed.line("(service web) has started 1 tasks.", 2.0)
    feed.line("task a of web:7 stopped", 3.0, is_detail=True)
    feed.progress("web:8 1/2 running", 65.0)
    feed.stop(0, 0)
    feed.close()
    return LiveReader(str(path / "live")).read()


def test_log_gets_lines_and_seldom_progress(tmp_path: Path) -> None:
    view = ServiceView(columns=200, refreshes=False)
    assert view.take_all(records(tmp_path)) == [
        Shown("  service web: web:8 instead of web:7"),
        Shown("  0:02 (service web) has started 1 tasks."),
        Shown("  0:03 task a of web:7 stopped", verbosity=1),
        Shown("  1:05 web:8 1/2 running"),
    ]
    assert view.take_all([{"kind": "progress", "text": "later", "elapsed_s": 80.0}]) == []
    assert view.end() == []


def test_terminal_has_one_line_that_is_drawn_over(tmp_path: Path) -> None:
    view = ServiceView(columns=20, refreshes=True)
    shown = view.take_all(records(tmp_path))
    assert shown[-1] == Shown(f"{CLEAR}  1:05 web:8 1/2 ru", newline=False)
    assert view.take_all([]) == []
    (erased, line, drawn) = view.take_all([{"kind": "line", "text": "event\x1b[2J", "elapsed_s": 66.0}])
    assert erased == Shown(CLEAR, newline=False) and line.text == "  1:06 event" and drawn == shown[-1]
    assert view.end() == [Shown(CLEAR, newline=False)] and view.end() == []


def test_interrupt_names_no_stop_of_tasks() -> None:
    """An interrupted call stops nothing, and the line after it does not say so."""
    line = ActionModule.in_background(None, 0, 0)  # type: ignore[arg-type]
    assert "the deployment goes on" in line and "stop" not in line
