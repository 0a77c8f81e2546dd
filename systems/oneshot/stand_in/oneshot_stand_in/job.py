# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `oneshot`: one prompt, one process, one session file."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from oneshot_stand_in.executors import CHOICES, Step, WorkError, missing, steps_of, verdict, without_keys, work
from oneshot_stand_in.session import ActivityLog, Session, new_id

POLL_SECONDS = 0.05  # between two looks at the signals


class Interrupted(Exception):
    """SIGINT or SIGTERM arrived."""


class Signals:
    """Notes SIGINT and SIGTERM, and waits in a way that they end.

    The original handles SIGINT alone, and between its steps alone; its image therefore names SIGINT as its stop signal.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.received = number

    def check(self) -> None:
        """Raise Interrupted after a signal."""
        if self.received:
            raise Interrupted(signal.Signals(self.received).name)

    def sleep(self, seconds: float) -> None:
        """Wait; Interrupted at a signal."""
        deadline = time.monotonic() + seconds
        self.check()
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))
            self.check()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the original's options that the stand-in supports."""
    made = argparse.ArgumentParser("oneshot", description="A stand-in for Oneshot; the prompt's words choose the work.")
    made.add_argument("prompt")
    made.add_argument("--executor", default="cline", choices=CHOICES)
    made.add_argument("--logs-dir", type=Path, help="directory of the session file (~/.oneshot/sessions)")
    made.add_argument("--session-log", type=Path, help="activity log (<session id>-oneshot-log.json)")
    made.add_argument("--keep-log", action="store_true", help="keep the activity log of a completed job")
    made.add_argument("--max-iterations", type=int, default=1)
    return made


def run(arguments: argparse.Namespace, environment: Mapping[str, str], signals: Signals) -> str:
    """Run one job; return its last state."""
    steps = steps_of(arguments.prompt)
    session_id = new_id(datetime.now(UTC))
    metadata = {
        "executor_type": arguments.executor,
        "start_time": datetime.now(UTC).isoformat(),
        "cwd": str(Path.cwd()),
        "max_iterations": arguments.max_iterations,
    }
    directory = arguments.logs_dir or Path.home() / ".oneshot" / "sessions"
    session = Session(directory, session_id, without_keys(arguments.prompt, environment), metadata)
    print(f"oneshot stand-in: session {session_id} in {session.path}", file=sys.stderr)
    try:
        signals.check()
        session.enter("WORKER_EXECUTING")
        if lacking := missing(arguments.executor, environment):
            raise WorkError(lacking)
        log = ActivityLog(arguments.session_log or Path(f"{session_id}-oneshot-log.json"))
        state = executed(steps, session, log, environment, signals)
    except Interrupted as interruption:
        session.enter("INTERRUPTED", str(interruption))
        return "INTERRUPTED"
    except (WorkError, OSError) as error:
        reason = without_keys(str(error), environment)
        session.enter("RECOVERY_PENDING", reason)
        session.enter("FAILED", reason)
        print(f"oneshot stand-in: {reason}", file=sys.stderr)
        return "FAILED"
    if state == "COMPLETED" and not arguments.keep_log:
        log.path.unlink(missing_ok=True)
    return state


def executed(
    steps: tuple[Step, ...], session: Session, log: ActivityLog, environment: Mapping[str, str], signals: Signals
) -> str:
    """Let the worker work and the auditor judge; return the last state.

    Raises:
        Interrupted: a signal arrived.
        WorkError: the worker failed.
    """
    reports = []
    for report in work(steps, signals.sleep):
        reports.append(without_keys(report, environment))
        log.write("worker", reports[-1])
        print(reports[-1], flush=True)
        signals.check()
    session.enter("AUDIT_PENDING", worker_result="\n".join(reports))
    session.enter("AUDITOR_EXECUTING")
    judged = verdict(steps)
    log.write("auditor", judged)
    signals.check()
    state = "COMPLETED" if judged == "done" else "REJECTED"
    session.enter(state, auditor_result=judged)
    return state


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 for COMPLETED alone, 2 for a wrong call."""
    signals = Signals()
    state = run(parser().parse_args(argv), os.environ, signals)
    print(f"oneshot stand-in: {state}", file=sys.stderr)
    return 0 if state == "COMPLETED" else 1
