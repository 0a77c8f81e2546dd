# SPDX-License-Identifier: Apache-2.0
"""Attribute values: checked, normalised, measured and compared by DynamoDB's rules."""

from __future__ import annotations

import base64
import binascii
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

from server.errors import invalid

Value = dict[str, Any]
Item = dict[str, Value]
# The sort key of a value: text by its UTF-8 bytes, which order as its code points do.
Scalar = str | bytes | Decimal

MAX_ITEM_BYTES = 409_600
# 38 significant digits; longer numbers raise an error instead of being rounded.
NUMBERS = Context(prec=38, traps=[Inexact, InvalidOperation])
COLLECTION_BYTES = 3
ELEMENT_BYTES = 1


def scalar(value: Value) -> Scalar:
    """Return the value by which a text, number or binary value is compared."""
    ((type_, content),) = value.items()
    if type_ == "S":
        return str(content)
    if type_ == "N":
        return Decimal(content)
    return base64.b64decode(content)


def checked_bytes(item: Item) -> int:
    """Check an item's values, replace its numbers by their normal form, and return its size in bytes.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html

    Raises:
        ApiError: a value is none of DynamoDB's, or the item is too large.
    """
    size = 0
    for name, value in item.items():
        size += (len(name) if name.isascii() else len(name.encode())) + _value_bytes(value)
    if size > MAX_ITEM_BYTES:
        raise invalid("Item size has exceeded the maximum allowed size")
    return size


def _value_bytes(value: Any) -> int:
    if not isinstance(value, dict) or not value:
        raise invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    if len(value) > 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
            "datatypes"
        )
    ((type_, content),) = value.items()
    if type_ == "S" and isinstance(content, str):
        return len(content) if content.isascii() else len(content.encode())
    if type_ == "N" and isinstance(content, str):
        number = _number(content)
        value["N"] = format(number, "f")
        return _number_bytes(number)
    if type_ == "B" and isinstance(content, str):
        return len(_binary(content))
    if type_ in ("BOOL", "NULL") and isinstance(content, bool):
        return 1
    if type_ in ("SS", "NS", "BS") and isinstance(content, list) and content:
        return sum(_value_bytes({type_[0]: element}) for element in content)
    if type_ == "L" and isinstance(content, list):
        return COLLECTION_BYTES + sum(ELEMENT_BYTES + _value_bytes(element) for element in content)
    if type_ == "M" and isinstance(content, dict):
        return COLLECTION_BYTES + sum(
            ELEMENT_BYTES + len(name.encode()) + _value_bytes(element) for name, element in content.items()
        )
    raise invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")


def _number(text: str) -> Decimal:
    try:
        number = NUMBERS.normalize(NUMBERS.create_decimal(text))
    except Inexact as error:
        raise invalid("Attempting to store more than 38 significant digits in a Number") from error
    except InvalidOperation as error:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from error
    if not number.is_finite():
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    return number or Decimal(0)


def _number_bytes(number: Decimal) -> int:
    return (len(number.as_tuple().digits) + 1) // 2 + 1


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise invalid("Binary values must be in base64") from error
