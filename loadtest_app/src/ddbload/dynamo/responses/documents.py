# SPDX-License-Identifier: Apache-2.0
"""The JSON document of a response: read with care, since any server may send it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

# Bytes that are shown of a body that is no response of DynamoDB.
SHOWN_BYTES = 60

Document = dict[str, Any]


class InvalidAnswer(Exception):
    """A response of status 200 that is not DynamoDB's; it is counted by its ``reason``."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(f"an answer that is not DynamoDB's: {text}")
        self.reason = reason


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def read_object(body: bytes) -> Document:
    """Read a JSON object (RFC 8259, in UTF-8).

    Raises:
        InvalidAnswer: it is none.
    """
    try:
        document = _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is a ValueError
        shown = body[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
        raise InvalidAnswer("NotJson", f"no JSON: {shown!r}") from error
    if not isinstance(document, dict):
        raise InvalidAnswer("NotAnObject", f"JSON that is no object, but {type(document).__name__}")
    return document


def read_success(body: bytes) -> Document:
    """Read the document of a response of status 200.

    Raises:
        InvalidAnswer: it is none, or one of an error, which acknowledges nothing.
    """
    document = read_object(body)
    if "__type" in document:
        raise InvalidAnswer("ErrorDocument", f"status 200 with an error, {str(document['__type'])[:SHOWN_BYTES]}")
    return document


def unexpected(member: str) -> InvalidAnswer:
    """Return the error of a response with a member that DynamoDB would not send, or without one that it sends."""
    return InvalidAnswer(f"Unexpected{member}", f"its {member} is missing, or not what DynamoDB sends")


def object_of(document: Document, member: str) -> Document:
    """Return a member that is an object; empty where it is missing.

    Raises:
        InvalidAnswer: it is something else.
    """
    value = document.get(member)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise unexpected(member)
    return value


def objects_of(value: Any, member: str) -> list[Document]:
    """Return a list of objects; empty for None.

    Raises:
        InvalidAnswer: it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
        raise unexpected(member)
    return value


def key_of(document: Document, member: str) -> Document:
    """Return a member that is a primary key in DynamoDB's JSON; empty where it is missing.

    Raises:
        InvalidAnswer: it is something else.
    """
    key = object_of(document, member)
    for typed in key.values():
        if not isinstance(typed, dict) or [type(value) for value in typed.values()] != [str]:
            raise unexpected(member)
    return key
