# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that turn a reason of ECS into a problem, and what their patterns have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import shortened

READ_LIMIT = 4000  # characters of a reason that are searched; the reasons of ECS are shorter


class Rule(NamedTuple):
    """Reasons that mean the same.

    Attributes:
        patterns: regular expressions, all of which match the reason; letter case is ignored.
        problem: what the reason means.
    """

    patterns: tuple[str, ...]
    problem: Problem

    def matches(self, reason: str) -> bool:
        """Return whether all patterns match the reason."""
        return all(re.search(pattern, reason, re.IGNORECASE) for pattern in self.patterns)


# How ECS, its agents, the AWS SDK for Go and the container runtimes word that something could not be reached, that
# access was denied, or that something does not exist.
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


def first_match(rules: Iterable[Rule], reasons: Iterable[str]) -> Problem | None:
    """Return the problem of the first rule that matches one of the reasons; None where none matches."""
    texts = [shortened(reason, READ_LIMIT) for reason in reasons]
    return next((rule.problem for rule in rules if any(rule.matches(text) for text in texts)), None)
