# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about a reason that CloudFormation gives, and the reason without what nobody reads: pure functions."""

from __future__ import annotations

import re

from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

REASON_LIMIT = 600  # characters shown of a reason
NO_REASON = "no reason given"

DENIED_ACTION = re.compile(r"not authorized to perform:? (?P<action>[a-z0-9-]+:[A-Za-z]+)", re.IGNORECASE)
# The first match counts: what AWS says of the cause is more telling than the kind that it files it under. Kinds are
# https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
REMEDIES = (
    (r"explicit deny", "it is denied on purpose: have the policy changed that forbids it (boundary or organization)"),
    (r"expired ?token|token [a-z ]*(is|has) expired|invalidcredentials", "log in again, then repeat the command"),
    (
        r"service.linked role",
        "make it, once an account: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
    ),
    (
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
        r"reserved parameter name|be prefixed with",
        "let the parameter's name begin with neither aws nor ssm",
    ),
    (r"denied by stack policy|stack policy", "the stack's policy forbids it: have the policy changed, if it is meant"),
    (
        r"accessdenied|not authorized|unauthorizedoperation|unauthorizedtagging",
        "give the deploying identity this permission",
    ),
    (
        r"already exists|alreadyexists|in use by another|name_conflict",
        "the name is taken: remove the old resource, or set another ddbload_project",
    ),
    (
        r"limit ?exceeded|servicelimitexceeded|maximum number|quota",
        "ask Service Quotas for more, or remove what is unused",
    ),
    (r"requires capabilities|insufficientcapabilities", "add what is named to capabilities"),
    (
        r"must have values|do not exist in the template|parameter .*(failed to satisfy|must)|parametervalue",
        "mend the parameter that is named",
    ),
    (r"cannot update a stack when a custom-named", "give the resource another name, or delete it first"),
    (
        r"termination ?protection is enabled",
        "if it may go, set termination_protection: false, or take the protection off: "
        "aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name <stack>",
    ),
    (r"is imported by|cannot be deleted as it is in use by", "delete the stack that imports it first"),
    (
        r"dependencyviolation|has (a )?dependent|has dependencies|cannot be deleted|is not empty|in use",
        "remove what still uses or fills it, then repeat the command",
    ),
    (
        r"not ?stabilized|timed out|time.?out|exceeded attempts to wait",
        "see the resource itself for what it waits for, then repeat the command",
    ),
    (
        r"throttl|rate exceeded|resourceconflict|serviceinternalerror|internalfailure|networkfailure",
        "a fault that passes: repeat the command",
    ),
    (r"user initiated|cancelled by|canceled by", "somebody cancelled it: repeat the command, if it is still wanted"),
    (r"template format|validation|invalidrequest|invalid", "mend the template or the parameter that is named"),
)

# Appended by resource handlers; the kind among it is looked at before, for the remedy.
HANDLER_MARKS = re.compile(r"\s*\((RequestToken|Service): [^()]*(\([^()]*\)[^()]*)*\)")
HANDLER_WORDS = re.compile(r"^Resource handler returned message: ")
ENCODED = re.compile(r"\s*encoded authorization failure message: \S+", re.IGNORECASE)


def remedy(reason: str) -> str:
    """Say how to mend a failure, from AWS's own words for it.

    Args:
        reason: a resource's ResourceStatusReason, a change set's StatusReason or an error's message, as it came.

    Returns:
        A short advice; empty where none is known.
    """
    if (denied := DENIED_ACTION.search(reason)) and "explicit deny" not in reason.lower():
        return f"let the deploying identity do it: allow {denied['action']}"
    found = (advice for pattern, advice in REMEDIES if re.search(pattern, reason, re.IGNORECASE | re.DOTALL))
    return next(found, "")


def reason_text(reason: str | None) -> str:
    """Put a reason on one line, without request ids, quotes around all of it and what only AWS can decode.

    Args:
        reason: as it came; None or empty where there is none.
    """
    told = HANDLER_MARKS.sub("", ENCODED.sub("", one_line(reason or "")))
    told = HANDLER_WORDS.sub("", told).strip().strip('"').rstrip(". ")
    return shortened(told, REASON_LIMIT) or NO_REASON
