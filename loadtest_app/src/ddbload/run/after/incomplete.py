# SPDX-License-Identifier: Apache-2.0
"""Warnings about a check, or a cleanup, that failed or was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def warnings(verification: Mapping[str, Any] | None, cleanup: Mapping[str, Any] | None) -> list[str]:
    """Return a line for each of the two that is incomplete."""
    found = [part["error"] for part in (verification, cleanup) if part and part.get("error")]
    if verification and not verification["complete"] and "error" not in verification:
        found.append(f"the check was stopped after {verification['checked']:,} keys")
    if cleanup and not cleanup["complete"] and "error" not in cleanup:
        deleted = cleanup["deleted"]
        found.append(f"the cleanup was stopped after {deleted:,} items: ddbload clean deletes the rest")
    return found
