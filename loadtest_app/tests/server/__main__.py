# SPDX-License-Identifier: Apache-2.0
"""The server as a command: prints its ports as one line of JSON, and serves until it is ended."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import sys
from pathlib import Path
from typing import Any

from server import serve, tls_context
from server.clock import new_event_loop
from server.schema import DEFAULT
from server.script import parse
from server.service import Service


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="server", description="A scripted server that is shaped like DynamoDB.")
    parser.add_argument("--port", type=int, default=0, help="to listen on; 0 for any that is free")
    parser.add_argument("--script", default="[]", help="rules: a file, or JSON itself")
    parser.add_argument("--table", default=json.dumps(DEFAULT), help="as in CreateTable: a file, or JSON itself")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), type=Path, help="serve TLS")
    parser.add_argument("--clock-offset", type=float, default=0.0, help="seconds that its clock is ahead")
    parser.add_argument("--fast", action="store_true", help="read and store no PutItem, answer all alike")
    parser.add_argument("--until-input-ends", action="store_true", help="end when standard input ends")
    arguments = parser.parse_args()
    loop = new_event_loop()
    service = Service(
        loop,
        _read(arguments.table),
        parse(_read(arguments.script)),
        fast=arguments.fast,
        clock_offset_s=arguments.clock_offset,
    )
    ports, _listening = loop.run_until_complete(
        serve(service, arguments.port, tls_context(arguments.tls) if arguments.tls else None)
    )
    print(json.dumps(ports._asdict()), flush=True)
    if arguments.until_input_ends:
        loop.add_reader(sys.stdin, loop.stop)
    # A garbage collection would be a pause outside the script; reference cycles stay until the end.
    gc.disable()
    with contextlib.suppress(KeyboardInterrupt):
        loop.run_forever()


def _read(source: str) -> Any:
    text = source if source.lstrip().startswith(("[", "{")) else Path(source).read_text(encoding="utf-8")
    return json.loads(text)


if __name__ == "__main__":
    main()
