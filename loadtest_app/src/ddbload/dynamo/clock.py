# SPDX-License-Identifier: Apache-2.0
"""AWS's clock against ours: requests that are signed minutes off are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# AWS refuses signatures that are five minutes off; a minute is worth a warning.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
NOTICED_S = 60.0


def clock_skew_s(date: str | None) -> float:
    """Return by how many seconds AWS's clock is ahead of ours; 0 where it does not tell, or less than a minute.

    Args:
        date: the Date header of an answer that has just come.
    """
    if not date:
        return 0.0
    try:
        skew = (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return skew if abs(skew) > NOTICED_S else 0.0
