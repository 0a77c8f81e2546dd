# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake executors: the words of a prompt choose the work."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

# The choices of the original's option; an image holds only some of these programs.
CHOICES = ("claude", "cline", "aider", "gemini", "direct")
# The executors that the stand-in imitates, with the variable that each one requires.
REQUIRED_VARIABLE: Mapping[str, str | None] = {"claude": "ANTHROPIC_API_KEY", "direct": None}
KEY_VARIABLES = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY")
WORDS = re.compile(
    r"\bsay (?P<text>[^;\n]+)|\bsleep (?P<seconds>\d+(?:\.\d+)?)\b|\b(?P<end>fail|reject|crash)\b", re.IGNORECASE
)


class WorkError(Exception):
    """The executor ends without a result."""


@dataclass(frozen=True)
class Step:
    """One step of the work.

    Args:
        kind: say, sleep, fail, reject or crash.
        text: what say reports.
        seconds: how long sleep takes.
    """

    kind: str
    text: str = ""
    seconds: float = 0.0


def steps_of(prompt: str) -> tuple[Step, ...]:
    """Return the steps that a prompt's words choose, in their order; a prompt without these words has none."""
    return tuple(_step(match) for match in WORDS.finditer(prompt))


def _step(match: re.Match[str]) -> Step:
    if match["text"]:
        return Step("say", text=match["text"].strip())
    if match["seconds"]:
        return Step("sleep", seconds=float(match["seconds"]))
    return Step(match["end"].lower())


def missing(executor: str, environment: Mapping[str, str]) -> str | None:
    """Return why an executor cannot start, without any variable's value; None where it can."""
    if executor not in REQUIRED_VARIABLE:
        return f"command not found: {executor}"
    name = REQUIRED_VARIABLE[executor]
    return f"{executor} requires the variable {name}" if name and not environment.get(name) else None


def work(steps: tuple[Step, ...], sleep: Callable[[float], None]) -> Iterator[str]:
    """Do the steps of a worker; yields what it reports.

    Args:
        steps: the work.
        sleep: waits for that many seconds.

    Raises:
        WorkError: a step is fail.
    """
    for step in steps:
        if step.kind == "say":
            yield step.text
        elif step.kind == "sleep":
            sleep(step.seconds)
            yield f"slept {step.seconds:g} s"
        elif step.kind == "fail":
            raise WorkError("the prompt contains fail")
        elif step.kind == "crash":
            # The same as the kernel does where a task exceeds its memory.
            os.kill(os.getpid(), signal.SIGKILL)
    yield "done"


def verdict(steps: tuple[Step, ...]) -> str:
    """Return the auditor's verdict on the work: done or impossible."""
    return "impossible" if any(step.kind == "reject" for step in steps) else "done"


def without_keys(text: str, environment: Mapping[str, str]) -> str:
    """Return a text in which the values of the key variables are replaced."""
    for value in filter(None, (environment.get(name) for name in KEY_VARIABLES)):
        text = text.replace(value, "***")
    return text
