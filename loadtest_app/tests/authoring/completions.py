# SPDX-License-Identifier: Apache-2.0
"""Writes the shell completions of ddbload from its parser; shtab makes them, ``ddbload completion`` prints them.

Run it after a change of a command or an option: ``python loadtest_app/tests/authoring/completions.py``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import shtab
from ddbload import cli
from ddbload.authoring import completion

# The options that take a file, or the text of one.
FILES = ("--scenario",)


def generated(shell: str) -> str:
    """Return the completion for a shell, which completes the names of files where an argument is one."""
    parser = cli._parser()
    for action in _actions(parser):
        if action.type is Path or not {*FILES}.isdisjoint(action.option_strings):
            vars(action)["complete"] = shtab.FILE
    made: str = shtab.complete(parser, shell)
    lines = [line.rstrip() for line in made.splitlines()]
    return "\n".join(lines).strip() + "\n"


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [inner for command in action.choices.values() for inner in _actions(command)]
        else:
            found.append(action)
    return found


if __name__ == "__main__":
    for shell in completion.SHELLS:
        completion.path_of(shell).write_text(generated(shell), encoding="utf-8")
