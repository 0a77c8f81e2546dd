# SPDX-License-Identifier: Apache-2.0
"""The completion of ddbload in a shell: files that shtab made of the parser, so that the start loads no generator."""

from __future__ import annotations

from pathlib import Path

SHELLS = ("bash", "zsh", "fish")


def path_of(shell: str) -> Path:
    """Return the file with the completion for a shell."""
    return Path(__file__).parent / "completions" / f"ddbload.{shell}"


def text(shell: str) -> str:
    """Return the completion for one of ``SHELLS``, as the shell reads it."""
    return path_of(shell).read_text(encoding="utf-8")
