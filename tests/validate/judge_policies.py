#!/usr/bin/env python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has parliament lint the policies that come as JSON on stdin; prints each finding, and exits with 1 at any.

Runs in the environment of requirements/validate.txt, which holds only parliament and its dependencies.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

warnings.filterwarnings("ignore", message="pkg_resources is deprecated")

from parliament import analyze_policy_string  # noqa: E402, after its warning is silenced

# Findings that are wrong, with the reason; an entry whose finding no longer appears must be removed.
WRONG = {
    ("RESOURCE_MISMATCH", "logs:DescribeLogGroups"): (
        "it knows log groups as resources: "
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html"
    ),
    ("UNKNOWN_ACTION", "Unknown action cloudformation:DescribeEvents"): (
        "it is newer: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html"
    ),
    ("UNKNOWN_ACTION", "Unknown action ec2:DescribeVpcEncryptionControls"): (
        "it is newer: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEncryptionControls.html"
    ),
    ("UNKNOWN_ACTION", "Unknown action ecs:StopServiceDeployment"): (
        "it is newer: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html"
    ),
    **{
        ("RESOURCE_MISMATCH", f"elasticloadbalancing:{action}"): "the other format is of a Network Load Balancer"
        for action in (
            "CreateRule",
            "DeleteListener",
            "DeleteRule",
            "ModifyListener",
            "ModifyListenerAttributes",
            "ModifyRule",
            "SetRulePriorities",
        )
    },
    **{
        ("UNKNOWN_ACTION", f"Unknown action ecr:{action}"): (
            f"it is newer: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_{action}.html"
        )
        for action in (
            "DeleteSigningConfiguration",
            "DescribeImageSigningStatus",
            "GetSigningConfiguration",
            "PutSigningConfiguration",
        )
    },
    (
        "INVALID_ARN",
        "Account expected to be of form like 123456789012",
    ): "a transform belongs to aws, not to an account",
    **{
        ("RESOURCE_MISMATCH", f"kms:{action}"): "one statement is of the alias, another of its key"
        for action in ("CreateAlias", "DeleteAlias", "UpdateAlias")
    },
    **{
        ("RESOURCE_STAR", f"rds:{action}"): "CloudFormation's handler of a DB cluster lists those of the account"
        for action in ("DescribeDBClusterAutomatedBackups", "DescribeDBParameterGroups", "DescribeGlobalClusters")
    },
    ("RESOURCE_MISMATCH", "route53:ChangeTagsForResource"): "the other format is of a health check",
    ("RESOURCE_STAR", "ecs:ListTasks"): "its resource is a container instance, which a Fargate task has none of",
    ("RESOURCE_MISMATCH", "dynamodb:GetResourcePolicy"): "it wants a stream beside the table, where either is enough",
    (
        "RESOURCE_MISMATCH",
        "ec2:ModifyVpcEndpoint",
    ): "one statement is of the endpoint, another of what it is entered in",
}


def judged(policy: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield issue, action and detail of each finding about a policy."""
    document, of_resource = policy["document"], policy["kind"] != "identity"
    if of_resource:
        # Parliament supports identity policies only, in which a statement must name a resource.
        document = document | {"Statement": [{"Resource": "*"} | one for one in document["Statement"]]}
    for finding in analyze_policy_string(json.dumps(document)).findings:
        # In a resource policy, "*" is the resource itself.
        if of_resource and finding.issue == "RESOURCE_STAR":
            continue
        for detail in finding.detail if isinstance(finding.detail, list) else [finding.detail]:
            action = detail.get("action", "") if isinstance(detail, dict) else str(detail)
            yield finding.issue, action, str(detail)


def main() -> int:
    """Lint the policies; return the exit code."""
    collected, excused, problems = json.load(sys.stdin), set(), []
    for policy in collected:
        for issue, action, detail in judged(policy):
            if (issue, action) in WRONG:
                excused.add((issue, action))
            else:
                location = f"{policy['file']}: {policy['resource']}, {policy['name']}"
                problems.append(f"{location}: {issue} {detail} -> fix the policy, or say in WRONG why parliament errs")
    problems += [
        f"WRONG of {__file__} excuses {' '.join(one)}, which no longer appears -> remove it"
        for one in WRONG.keys() - excused
    ]
    print("\n".join(problems) or f"parliament: {len(collected)} policies, no finding")
    return 1 if problems or not collected else 0


if __name__ == "__main__":
    sys.exit(main())
