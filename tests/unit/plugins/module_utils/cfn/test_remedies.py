# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.remedies import REASON_LIMIT, reason_text, remedy
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            "User: arn:aws:iam::1:user/x is not authorized to perform: ecs:CreateCluster on resource: *",
            "allow ecs:Create",
        ),
        ("User is not authorized to perform: a:B with an explicit deny in a service control policy", "on purpose"),
        ("Access denied (HandlerErrorCode: AccessDenied)", "this permission"),
        ("Table already exists: ddbload-dev", "the name is taken"),
        ("The maximum number of addresses has been reached", "Service Quotas"),
        ("You have exceeded the limit (HandlerErrorCode: ServiceLimitExceeded)", "Service Quotas"),
        ("ExpiredToken: The security token included in the request is expired", "log in again"),
        ("resource sg-1 has a dependent object (DependencyViolation)", "still uses"),
        ("The repository with name 'x' cannot be deleted because it still contains images: is not empty", "fills it"),
        ("Action denied by stack policy: Statement [#1] does not allow [Update:Replace]", "policy"),
        ("Unable to assume the service linked role. Please verify that it exists", "create-service-linked-role"),
        ('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).', "neither aws nor ssm"),
        ("No access to reserved parameter name: /aws/x. AccessDeniedException", "neither aws nor ssm"),
        ("Parameters: [Nonsense] do not exist in the template", "the parameter that is named"),
        ("Requires capabilities : [CAPABILITY_NAMED_IAM]", "capabilities"),
        ("Exceeded attempts to wait", "what it waits for"),
        ("Rate exceeded (HandlerErrorCode: Throttling)", "repeat the command"),
        ("Stack [x] cannot be deleted while TerminationProtection is enabled", "termination_protection: false"),
        ("something else", ""),
    ],
)
def test_remedies(reason: str, words: str) -> None:
    assert words in remedy(reason)
    assert bool(remedy(reason)) == bool(words)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (
            'Resource handler returned message: "Resource of type X already exists." '
            "(RequestToken: 5e, HandlerErrorCode: AlreadyExists)",
            "Resource of type X already exists",
        ),
        (
            "Bad (Service: Ecs, Status Code: 400, Request ID: 1 (2)) (SDK Attempt Count: 1)",
            "Bad (SDK Attempt Count: 1)",
        ),
        ("No.\n Encoded authorization failure message: 4Zq-x", "No"),
        ("", "no reason given"),
        (None, "no reason given"),
    ],
)
def test_reasons_are_told_without_what_nobody_reads(reason: str | None, text: str) -> None:
    assert reason_text(reason) == text


@given(st.text())
def test_a_reason_is_one_short_line(reason: str) -> None:
    text = reason_text(reason)
    assert text and text.isprintable() and len(text) <= REASON_LIMIT
