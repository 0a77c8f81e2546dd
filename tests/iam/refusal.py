# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether IAM denies a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import ClientError


class Caller(Protocol):
    """A caller of AWS."""

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service."""


# A call by a principal.
Deed = Callable[[Caller], Any]
# EC2 has its own error code: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def is_denied(deed: Deed, caller: Caller) -> bool:
    """Return whether IAM denies a call; any other refusal means that IAM let it through."""
    try:
        deed(caller)
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return False
