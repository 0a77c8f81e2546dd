# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong at one key of a description."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple, TypeAlias

Path: TypeAlias = "tuple[str | int, ...]"


class Finding(NamedTuple):
    """What is wrong with a description.

    Attributes:
        path: the keys that lead to it.
        what: what is wrong there, a clause that starts with a verb.
        remedy: what to do.
    """

    path: Path
    what: str
    remedy: str

    @property
    def keys(self) -> str:
        """The path in dotted form; a key that is no word is written as JSON."""
        return ".".join(str(key) if re.fullmatch(r"[\w-]+", str(key)) else json.dumps(key) for key in self.path)


def unknown(at: Path, name: str, known: Collection[str], what: str, section: str) -> Iterator[Finding]:
    """Yield a finding where a name is none of the known ones.

    Args:
        at: path of the name.
        name: the name.
        known: the names of the section.
        what: the noun of what is named, such as queue.
        section: where to add it, where nothing is known.
    """
    if name not in known:
        remedy = f"take one of {', '.join(known)}" if known else f"add it to {section}"
        yield Finding(at, f"is {name!r}, which is no {what}", remedy)
