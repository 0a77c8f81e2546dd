# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns off the protection of resources and removes them; returns each time whether it changed something."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.environment.catalogue import PROTECTABLE, REMOVABLE
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import Changeable

PAUSE = 1.0  # seconds between two requests for a resource's state


class ResourceTimeoutError(Exception):
    """A resource did not reach a state in time; the message names the state that it is in."""


class ResourceRemoval:
    """Turns off the protection of resources, and removes them.

    Args:
        client: returns a boto3 client of a service.
        timeout: seconds to wait, at most, for a state.
        is_check: return what would change, and change nothing.
        clock: returns monotonic seconds.
        sleep: waits a number of seconds.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        timeout: float,
        is_check: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._timeout, self._is_check, self._clock, self._sleep = client, timeout, is_check, clock, sleep

    def unprotect(self, kind_name: str, id_: str) -> bool:
        """Turn off the protection of a resource.

        Args:
            kind_name: a key of `PROTECTABLE`.
            id_: the resource's name.

        Returns:
            Whether the protection was on; False where it does not exist.

        Raises:
            ResourceTimeoutError: another change of the resource goes on.
            botocore.exceptions.BotoCoreError, ClientError: a request failed.
        """
        kind = PROTECTABLE[kind_name](self._client)
        if not kind.is_protected(id_):
            return False
        if not self._is_check:
            self._wait_until_settled(kind, id_)
            kind.unprotect(id_)
            self._wait_until_settled(kind, id_)
        return True

    def remove(self, kind_name: str, id_: str) -> bool:
        """Remove a resource, and wait until it is gone.

        Args:
            kind_name: a key of `REMOVABLE`.
            id_: the resource's name; of a task definition its ARN.

        Returns:
            Whether the resource existed.

        Raises:
            ResourceTimeoutError: another change of the resource goes on, or the resource is still there.
            botocore.exceptions.BotoCoreError, ClientError: a request failed.
        """
        kind = REMOVABLE[kind_name](self._client)
        if kind.state(id_) is None:
            return False
        if not self._is_check:
            self._wait_until_settled(kind, id_)
            kind.remove(id_)
            self._wait_until(kind, id_, lambda state: state is None)
        return True

    def _wait_until_settled(self, kind: Changeable, id_: str) -> None:
        if kind.settled:
            self._wait_until(kind, id_, lambda state: state is None or state in kind.settled)

    def _wait_until(self, kind: Changeable, id_: str, is_reached: Callable[[str | None], bool]) -> None:
        deadline = self._clock() + self._timeout
        while not is_reached(state := kind.state(id_)):
            if self._clock() + PAUSE > deadline:
                raise ResourceTimeoutError(f"{kind.label} {id_} is still {state} after {self._timeout:.0f} s")
            self._sleep(PAUSE)
