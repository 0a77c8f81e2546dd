# SPDX-License-Identifier: Apache-2.0
"""The commands that help to write scenarios and commands; each loads its own file when it is called."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    schema = commands.add_parser("schema", help="print the JSON Schema of a scenario, for editors")
    schema.set_defaults(command=_schema)


def _schema(_options: argparse.Namespace) -> int:
    from ddbload.authoring import schema  # the other commands do not need it

    print(schema.text(), end="")
    return 0
