# SPDX-License-Identifier: Apache-2.0
"""The text of a first scenario, and the commands that come next."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ddbload.authoring.answers import EMBEDDED, Answers
from ddbload.authoring.schema import ADDRESS

COMMENTS = {
    "table": "It must exist; --table names another one for a run.",
    "plan": "Operations a second, and seconds.",
    "mix": "Operations by weight: put writes new items, get reads items that were written.",
    "cleanup": "Whether the items of the run are deleted at its end.",
    "thresholds": "What the run must keep to pass; a time would be get.p99 < 20ms.",
}


def document(answers: Answers) -> dict[str, Any]:
    """Return the scenario that the answers describe."""
    writes, reads = 100 - answers.reads, answers.reads
    divisor = math.gcd(writes, reads)
    mix: dict[str, Any] = {"put": writes // divisor} if writes else {}
    if reads:
        mix["get"] = {"weight": reads // divisor, "keys": "uniform"}
    thresholds = ["failed == 0", "throttled < 0.1%", *(["lost == 0"] if writes else [])]
    return {
        "table": answers.table,
        "plan": {"type": "constant_rate", "rate": answers.rate, "duration": answers.duration_s},
        "mix": mix,
        "cleanup": bool(writes),
        "thresholds": thresholds,
    }


def text_of(answers: Answers, is_yaml: bool) -> str:
    """Return the text of the file: JSON with the schema's address, or YAML with comments and that address."""
    found = document(answers)
    if not is_yaml:
        return json.dumps({"$schema": ADDRESS, **found}, indent=2) + "\n"
    lines = [f"# yaml-language-server: $schema={ADDRESS}"]
    for name, value in found.items():
        lines += [f"# {COMMENTS[name]}", f"{name}: {_flow(value)}"]
    return "\n".join(lines) + "\n"


def next_commands(answers: Answers, path: Path) -> str:
    """Return the commands that come next, a line each."""
    file = shlex.quote(str(path))
    first = []
    if answers.table == EMBEDDED:
        first = ["make demo             # once: the embedded AWS with its table", 'eval "$(make env)"    # its address']
    return "\n".join(
        f"  {line}"
        for line in (
            f"ddbload validate --scenario {file}",
            *first,
            f"ddbload run --scenario {file} > events.jsonl",
            "ddbload merge events.jsonl --output results.json && ddbload report results.json",
        )
    )


def _flow(value: Any) -> str:
    """Return a value as YAML in one line, its names without quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(part)}" for name, part in value.items()) + "}"
    return json.dumps(value)
