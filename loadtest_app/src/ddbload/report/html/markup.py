# SPDX-License-Identifier: Apache-2.0
"""HTML that is safe by construction: every text that is not ``Markup`` is escaped."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

# Elements without an end tag: https://html.spec.whatwg.org/multipage/syntax.html#void-elements
VOID = {"meta", "br", "hr", "input"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = Markup | str | float | None | Iterable[Any]


def element(tag: str, /, *content: Content, **attributes: str | bool | None) -> Markup:
    """Return an element.

    Args:
        tag: name of the element.
        content: markup stays as it is, other text and numbers are escaped, None is nothing, what can be iterated is
            taken part by part.
        attributes: by name; an underscore at the end is dropped, one within becomes a hyphen. None and False leave the
            attribute out, True gives it no value.
    """
    given = "".join(_attribute(attribute, value) for attribute, value in attributes.items())
    if tag in VOID:
        return Markup(f"<{tag}{given}>")
    return Markup(f"<{tag}{given}>{render(content)}</{tag}>")


def render(content: Content) -> Markup:
    """Return content as markup, see `element`."""
    if content is None:
        return Markup()
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(html.escape(content))
    if isinstance(content, Iterable):
        return Markup("".join(render(part) for part in content))
    return Markup(html.escape(str(content)))


def table(
    head: Sequence[Content], rows: Iterable[Sequence[Content]], caption: str | None = None, texts: int = 1
) -> Markup:
    """Return a table that scrolls apart from the page where it is too wide.

    Args:
        head: the heads of the columns.
        rows: their cells; the first of each is the row's head.
        caption: what the table shows.
        texts: the number of columns from the left that are text; the others are numbers.
    """
    kinds = [None if number < texts else "number" for number in range(len(head))]
    heads = [element("th", cell, scope="col", class_=kind) for cell, kind in zip(head, kinds, strict=True)]
    body = []
    for row in rows:
        cells = [element("th", row[0], scope="row")]
        cells += [element("td", cell, class_=kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)]
        body.append(element("tr", cells))
    inner = [
        element("caption", caption) if caption else None,
        element("thead", element("tr", heads)),
        element("tbody", body),
    ]
    # Reachable by keyboard, since it may have to be scrolled.
    return element("div", element("table", inner), class_="scroll", tabindex="0", role="group", aria_label=caption)


def embedded(document: Any) -> Markup:
    """Return a document as JSON that is safe in a script element."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _attribute(name: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    spelled = name.rstrip("_").replace("_", "-")
    return f" {spelled}" if value is True else f' {spelled}="{html.escape(value)}"'
