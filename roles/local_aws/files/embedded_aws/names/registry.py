# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host names that tasks resolve, each with a loopback address.

A name belongs to one owner, such as the databases, and is visible to all tasks or to those of one namespace.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

EVERYWHERE = ""  # the scope of names that every task resolves


class Names:
    """Host names by owner and scope; safe to use from several threads."""

    def __init__(self) -> None:
        self._published: dict[tuple[str, str], dict[str, str]] = {}
        self._lock = threading.Lock()

    def publish(self, owner: str, names: Mapping[str, str], scope: str = EVERYWHERE) -> None:
        """Replace the names of an owner in a scope.

        Args:
            owner: whose names they are, such as ``databases``.
            names: the address of each host name.
            scope: ARN of the namespace whose tasks resolve them; every task by default.
        """
        with self._lock:
            self._published.pop((owner, scope), None)
            if names:
                lowered = {name.rstrip(".").lower(): address for name, address in names.items()}
                self._published[owner, scope] = lowered

    def scopes(self, owner: str) -> set[str]:
        """Return the scopes in which an owner has names."""
        with self._lock:
            return {scope for known, scope in self._published if known == owner}

    def visible(self, scope: str = EVERYWHERE, without: str = "") -> dict[str, str]:
        """Return the address of each name that a task of a scope resolves; the scope's own names win.

        Args:
            scope: ARN of the task's namespace; empty for a task without one.
            without: an owner whose names are left out.
        """
        with self._lock:
            published = sorted(self._published.items(), key=lambda item: (item[0][1] != EVERYWHERE, item[0]))
        found: dict[str, str] = {}
        for (owner, known), names in published:
            if known in (EVERYWHERE, scope) and owner != without:
                found |= names
        return found


NAMES = Names()  # of this process, which is one embedded AWS
