# SPDX-License-Identifier: Apache-2.0
"""The commands that help to write scenarios and commands; each loads its own file when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ddbload.authoring import completion
from ddbload.authoring.answers import EMBEDDED, rate_of, reads_of, seconds_of, table_of
from ddbload.files import write_stream

Answer = TypeVar("Answer")


def add(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    init = commands.add_parser("init", help="ask three questions, and write a first scenario")
    init.add_argument("--output", type=Path, default=Path("scenario.json"), help="file to write (scenario.json)")
    init.add_argument("--table", type=_argument(table_of), help=f"table to test ({EMBEDDED}, of the embedded AWS)")
    init.add_argument("--reads", type=_argument(reads_of), metavar="PERCENT", help="share of reads, 0 to 100 (50)")
    init.add_argument("--rate", type=_argument(rate_of), help="operations a second (100)")
    init.add_argument("--duration", type=_argument(seconds_of), metavar="TIME", help="such as 90s, 5m or 2h (60s)")
    init.add_argument("--yes", action="store_true", help="ask nothing: the defaults for what no option gives")
    init.add_argument("--force", action="store_true", help="overwrite the file if there is one")
    init.set_defaults(command=_init)

    schema = commands.add_parser("schema", help="print the JSON Schema of a scenario, for editors")
    schema.set_defaults(command=_schema)

    shells = commands.add_parser("completion", help="print the completion of ddbload for a shell")
    shells.add_argument("shell", choices=completion.SHELLS, help="the shell that reads it")
    shells.set_defaults(command=_completion)


def _init(options: argparse.Namespace) -> int:
    from ddbload.authoring import init  # the other commands do not need it

    return init.run(options)


def _schema(_options: argparse.Namespace) -> int:
    from ddbload.authoring import schema  # the other commands do not need it

    write_stream(sys.stdout, schema.text())
    return 0


def _completion(options: argparse.Namespace) -> int:
    write_stream(sys.stdout, completion.text(options.shell))
    return 0


def _argument(read: Callable[[str], Answer]) -> Callable[[str], Answer]:
    """Return a reader whose problems argparse shows as they are."""

    def argument(text: str) -> Answer:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return argument
