# SPDX-License-Identifier: Apache-2.0
"""Which puts of a plan are duplicates of a key written before."""

from __future__ import annotations

from fractions import Fraction


class Duplicates:
    """Exactly ceil(total * percentage / 100) duplicates, spread evenly over the puts 0 to total - 1; never put 0.

    Among the first n puts are floor(n * duplicates / total) of them: whole numbers only, so nothing is rounded.

    Args:
        total: how many puts there are.
        percentage: how many of a hundred are duplicates, 0 to 100; a decimal fraction is taken as it is written.

    Raises:
        ValueError: a number is out of its range, or no put would be left to write a key first.
    """

    def __init__(self, total: int, percentage: int | float | str | Fraction) -> None:
        share = Fraction(str(percentage)) / 100
        if total < 0:
            raise ValueError(f"{total} puts: none or more are needed")
        if not 0 <= share <= 1:
            raise ValueError(f"{percentage} % duplicates: a percentage is 0 to 100")
        self.total = total
        self.count = -(-total * share.numerator // share.denominator)
        if total and self.count == total:
            raise ValueError(f"{percentage} % duplicates of {total} puts leave no put that writes a key first")

    def is_duplicate(self, put: int) -> bool:
        """Return whether a put takes a key that an earlier one wrote."""
        return (put + 1) * self.count // self.total > put * self.count // self.total

    def originals_before(self, put: int) -> int:
        """Return how many of the puts before one are no duplicates: the index of the next new key."""
        return put - put * self.count // self.total if self.total else put
