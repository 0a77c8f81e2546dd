# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outputs of components, and pseudo parameters, in the texts of a description: ${component.Output}, ${AWS::Region}.

``${!text}`` stands for the text ``${text}``, as in Fn::Sub:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Output,
    output_named,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import ESCAPED_REFERENCE, REFERENCE

FORM = re.compile(r"\$\{([^}]*)\}")
PSEUDO_PARAMETERS = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")


class Pseudo(NamedTuple):
    """A pseudo parameter of CloudFormation, such as AWS::Region."""

    name: str


Piece: TypeAlias = "str | Output | Pseudo"


def pieces(text: str) -> Iterator[Piece]:
    """Yield the parts of a text in their order; what is neither an output nor a pseudo parameter is plain text."""
    end = 0
    for found in FORM.finditer(text):
        piece = _piece(found[1])
        yield text[end : found.start()]
        yield found[0] if piece is None else piece
        end = found.end()
    yield text[end:]


def outputs(text: Any) -> list[Output]:
    """Return the outputs that a value of a description names, each once; only a text names one."""
    return list(dict.fromkeys(each for each in pieces(text) if isinstance(each, Output))) if _is_text(text) else []


def is_plain(text: Any) -> bool:
    """Return whether a value of a description names neither an output nor a pseudo parameter."""
    return not _is_text(text) or all(isinstance(each, str) for each in pieces(text))


def malformed(text: Any, permitted: Collection[str] = ()) -> list[str]:
    """Return the parts of a value that start with ${ and are no reference.

    Args:
        text: a value of a description.
        permitted: names in braces that mean something else, such as the parameters of a job.
    """
    if not _is_text(text):
        return []
    wrong = [found[0] for found in FORM.finditer(text) if _piece(found[1]) is None and found[1] not in permitted]
    rest = FORM.sub("", text)
    return [*wrong, *([rest[rest.index(REFERENCE) :]] if REFERENCE in rest else [])]


def escaped(text: str) -> str:
    """Return the text for Fn::Sub that stands for a plain text."""
    return text.replace(REFERENCE, ESCAPED_REFERENCE)


def unescaped(text: str) -> str:
    """Return the plain text for which a text without references stands."""
    return text.replace(ESCAPED_REFERENCE, REFERENCE)


def substituted(text: str) -> Any:
    """Return a text as a value of a template: with Fn::Sub where it names outputs or pseudo parameters."""
    found = [each for each in pieces(text) if each != ""]
    if is_plain(text):
        return unescaped(text)
    if len(found) == 1 and isinstance(found[0], Output):
        return found[0]
    values: Mapping[str, Output] = {each.parameter: each for each in found if isinstance(each, Output)}
    return sub("".join(map(_written, found)), **values)


def _piece(inside: str) -> Piece | None:
    """Return what braces stand for; None for what is no reference."""
    if inside.startswith("!"):
        return REFERENCE + inside + "}"
    return Pseudo(inside) if inside in PSEUDO_PARAMETERS else output_named(inside)


def _written(piece: Piece) -> str:
    """Return a part of a text as Fn::Sub has it."""
    if isinstance(piece, Output):
        return "${" + piece.parameter + "}"
    return "${" + piece.name + "}" if isinstance(piece, Pseudo) else escaped(unescaped(piece))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
