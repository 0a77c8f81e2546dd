# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application of the tests of IAM: MiniStack behind the guard, which also accepts keys of MiniStack's IAM."""

from __future__ import annotations

import os

from embedded_aws.guard.guard import Guard
from embedded_aws.guard.guarded import Guarded
from embedded_aws.guard.keys import Keys
from ministack import app as ministack
from ministack.services import iam, sts


class IssuedKeys(Keys):
    """The key of the account's owner, and those of the users and sessions that the owner created."""

    def is_access_key(self, given: str) -> bool:
        """Return whether an access key id exists; IAM authorizes its calls."""
        return super().is_access_key(given) or given in iam._access_keys or given in sts._sessions


HOST = f"127.0.0.1:{os.environ['GATEWAY_PORT']}"
application = Guarded(Guard(IssuedKeys(os.environ["AWS_ACCESS_KEY_ID"]), frozenset({HOST})), ministack.app)
