# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule that tells the kind of a stopped task's end by what ECS says of it, and what such rules have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import shortened

READ_LIMIT = 4000  # characters of a reason that are looked at; ECS' own are shorter


class Rule(NamedTuple):
    """One kind of end.

    Attributes:
        kind: the kind of the cause, a word that does not change with the wording.
        patterns: regular expressions, all of which one reason has to match; the case of letters does not count.
        what: what it means, in a few words.
        remedy: how to mend it; empty where there is nothing to mend.
    """

    kind: str
    patterns: tuple[str, ...]
    what: str
    remedy: str

    def fits(self, reason: str) -> bool:
        """Tell whether the rule is about this reason."""
        return all(re.search(pattern, reason, re.IGNORECASE) for pattern in self.patterns)


# How it is told that something could not be reached, may not be used, or is not there: by ECS, by its agents, by the
# AWS SDK for Go and by the container runtimes.
UNREACHABLE = (
    r"i/o timeout|connection issue|network connection|network configuration|request cancell?ed|context cancell?ed"
    r"|deadline exceeded|no such host|connection (refused|reset|timed out)|no route to host|network is unreachable"
    r"|handshake timeout|Client\.Timeout|signal: killed|StatusCode: 0\b|timed out"
)
DENIED = r"AccessDenied|not authorized|UnauthorizedOperation|AuthFailure|\b403\b|Forbidden|has the permissions"
ABSENT = r"not found|NotFound|does not exist|can.?t find|\b404\b|manifest unknown|no such image|name unknown"

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
WAY_OUT = (
    "give the subnet a way to ECR: a NAT gateway, or the endpoints ecr.api, ecr.dkr, logs and S3's gateway; "
    "in a public subnet assign_public_ip: true"
)


def first_fitting(rules: Iterable[Rule], reasons: Iterable[str]) -> Rule | None:
    """Return the first rule that is about one of the reasons; None where none is."""
    texts = [shortened(reason, READ_LIMIT) for reason in reasons]
    return next((rule for rule in rules if any(rule.fits(text) for text in texts)), None)
