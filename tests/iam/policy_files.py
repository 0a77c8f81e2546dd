# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of files/iam, filled in."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.gantry.ecs.plugins.plugin_utils.iam_policy import policy_documents, policy_values
from iam_simulator import ACCOUNT, REGION
from template_parser import COMPONENTS, ROOT

FILES = ROOT / "files" / "iam"
# Those of the load test, and those of a system with a description.
NAMES = ("boundary", "cloudformation", "cloudformation-trust", "deployer", "tester")
OF_SYSTEMS = ("boundary", "builder", "cloudformation", "cloudformation-trust", "deployer", "runner")
# All variables that a statement can depend on.
EVERYTHING: dict[str, Any] = {
    "table_name": "orders",
    "permissions_boundary_arns": [f"arn:aws:iam::{ACCOUNT}:policy/boundary"],
    "key_arns": [f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"],
    "secret_arns": [f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:token-AbCdEf"],
    "secret_parameter_arns": [f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/token"],
    "repository_arns": [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/collector"],
    "results_bucket": "ci-results",
    "results_prefix": "load-tests",
}


def text_of(name: str) -> str:
    """Return the text of a file."""
    return (FILES / f"{name}.yaml").read_text()


def written(name: str) -> list[dict[str, Any]]:
    """Return the statements of a file, not rendered."""
    found: list[dict[str, Any]] = yaml.safe_load(text_of(name))
    return found


def policies_of(name: str, environment: str = "dev", **more: Any) -> list[dict[str, Any]]:
    """Return the policies of a file for an environment of project ddbload, in the account and region of the tests."""
    given = {"project": "ddbload", "account": ACCOUNT, "region": REGION, "partition": "aws"}
    values = policy_values(environment=environment, **{**given, "components": COMPONENTS, **more})
    return list(policy_documents(name, written(name), values).values())


def statements_of(name: str, **more: Any) -> list[dict[str, Any]]:
    """Return the statements of all policies of a file."""
    return [one for policy in policies_of(name, **more) for one in policy["Statement"]]


def listed(part: Any) -> list[str]:
    """Return an element of a statement as a list."""
    return [part] if isinstance(part, str) else list(part)
