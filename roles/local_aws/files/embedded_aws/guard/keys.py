# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret of one start of the embedded AWS, and the keys that derive from it."""

from __future__ import annotations

import configparser
import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

PROFILE = "ddbload-local"
SHORTEST = 32  # characters of a secret


@dataclass(frozen=True)
class Keys:
    """Who may call: its user by the secret itself, tasks and image clients by a key that does not give it away."""

    secret: str = field(repr=False)

    @classmethod
    def read(cls, credentials: Path) -> Keys:
        """Read the secret from an AWS credentials file: it is the access key id of the embedded AWS's profile.

        Raises:
            OSError: the file cannot be read.
            KeyError: it lacks the profile, or the profile has no key.
            ValueError: the key is too short to be a secret.
        """
        parser = configparser.RawConfigParser()
        parser.read_string(credentials.read_text(encoding="utf-8"))
        secret = parser[PROFILE]["aws_access_key_id"]
        if len(secret) < SHORTEST:
            raise ValueError(f"the access key id of {credentials} is no secret: it has under {SHORTEST} characters")
        return cls(secret)

    @property
    def task(self) -> str:
        """Access key id of the tasks, and the token by which a task fetches it."""
        return self._derived("task")

    @property
    def registry(self) -> str:
        """Password of the image registry."""
        return self._derived("registry")

    def proof(self, nonce: str) -> str:
        """Prove to a caller with the secret, by a fresh nonce, that this process has the secret too."""
        return self._derived(f"health {nonce}")

    def is_access_key(self, given: str) -> bool:
        """Return whether an access key id may call, in a time that says nothing about the right one."""
        # Both are compared in any case, so that the time does not say which one is near.
        return bool(_same(given, self.secret) | _same(given, self.task))

    def is_task_token(self, given: str) -> bool:
        """Return whether a token is that of the tasks."""
        return _same(given, self.task)

    def is_registry_password(self, given: str) -> bool:
        """Return whether a password is that of the image registry."""
        return _same(given, self.registry)

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
