# SPDX-License-Identifier: Apache-2.0
"""Asks for what a first scenario needs, and writes it into one file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ddbload.authoring import draft
from ddbload.authoring.answers import EMBEDDED, Answers, load_of, rate_of, reads_of, seconds_of, table_of
from ddbload.files import write_text
from ddbload.results.exit_codes import BAD_CONFIGURATION, PASSED, STOPPED
from ddbload.scenario.load import YAML, document_of
from ddbload.scenario.scenario import ScenarioError, parse

Answer = TypeVar("Answer")
REMEDY = "give it by an option, or take the defaults by --yes"


def run(options: argparse.Namespace) -> int:
    """Ask what no option gives, and write the scenario; returns the exit code."""
    path: Path = options.output
    try:
        is_there = path.exists()
        if not path.parent.is_dir():
            return _fail(f"there is no folder {path.parent} -> create it, or name another file with --output")
        if is_there and not options.force and not _may_overwrite(path, options.yes):
            return _fail(f"{path} exists, and is left as it is -> name another file with --output, or give --force")
        found = _answers(options)
        text = draft.text_of(found, path.name.endswith(YAML))
        # What is written is what the other commands read.
        parse(document_of(text, str(path)))
        if is_there:
            write_text(path, text)
        else:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except KeyboardInterrupt:
        print("\nddbload init: stopped, nothing was written", file=sys.stderr)
        return STOPPED
    except EOFError:
        return _fail(f"the input ended before the answer, nothing was written -> {REMEDY}", "\n")
    except ScenarioError as error:
        return _fail("; ".join(error.problems))
    except FileExistsError:
        return _fail(f"{path} was created in the meantime, and is left as it is -> name another file with --output")
    except OSError as error:
        return _fail(f"cannot write {path}: {error.strerror or error} -> name another file with --output")
    print(f"{path} is written. Next:\n\n{draft.next_commands(found, path)}")
    return PASSED


def _may_overwrite(path: Path, is_silent: bool) -> bool:
    return not is_silent and input(f"{path} exists. Overwrite it? [y/N] ").strip().lower() in ("y", "yes")


def _fail(text: str, before: str = "") -> int:
    print(f"{before}ddbload init: {text}", file=sys.stderr)
    return BAD_CONFIGURATION


def _answers(options: argparse.Namespace) -> Answers:
    """Return the answers: an option's, else the one that is typed, else the default.

    Raises:
        EOFError: the input ends before an answer.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    default = Answers()
    is_silent = options.yes
    table = _ask(options.table, default.table, is_silent, f"Which table? [{EMBEDDED}, of the embedded AWS] ", table_of)
    reads = _ask(options.reads, default.reads, is_silent, "How many of 100 operations read? [50] ", reads_of)
    rate, duration_s = options.rate, options.duration
    if rate is None and duration_s is None:
        load = (default.rate, default.duration_s)
        question = "How many operations a second, for how long? [100 for 60s] "
        rate, duration_s = _ask(None, load, is_silent, question, load_of)
    rate = _ask(rate, default.rate, is_silent, "How many operations a second? [100] ", rate_of)
    duration_s = _ask(duration_s, default.duration_s, is_silent, "For how long? [60s] ", seconds_of)
    return Answers(table, reads, rate, duration_s)


def _ask(
    given: Answer | None, default: Answer, is_silent: bool, question: str, read: Callable[[str], Answer]
) -> Answer:
    """Return what is given, or the default where nothing is asked or answered; asks again after a wrong answer."""
    if given is not None or is_silent:
        return default if given is None else given
    while True:
        text = input(question).strip()
        if not text:
            return default
        try:
            return read(text)
        except ValueError as error:
            print(f"  {error}")
