#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: a new version of a secret, also of a database's password, without a value in any output."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_version
short_description: Give a secret of Secrets Manager a new value
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Puts a new version of a secret. The version before has the staging label C(AWSPREVIOUS), by which it can be
    restored.
  - With O(database_cluster) the cluster gets the new password, too. The password is first a version C(AWSPENDING), then
    that of the cluster, then C(AWSCURRENT). A call that was killed is completed by the next one.
  - No value is returned or logged.
options:
  secret_id:
    description: ARN of the secret.
    type: str
    required: true
  generate:
    description: Number of random letters and digits of the new value.
    type: int
  json_key:
    description: Key of the JSON object that the secret is, which gets the value of O(generate). Its other keys stay.
    type: str
    default: ""
  value:
    description: The new value.
    type: str
  file:
    description: File on the host of the module whose text is the new value, without a line break at its end.
    type: path
  database_cluster:
    description: Identifier of the Aurora cluster whose login the secret is, as a JSON object with the key C(password).
    type: str
  wait_timeout:
    description: Seconds to wait, at most, until the cluster has its password.
    type: int
    default: 900
notes:
  - "Permissions: C(secretsmanager:PutSecretValue) on the secret; for O(json_key) and O(database_cluster) also
    C(secretsmanager:GetSecretValue); for O(database_cluster) C(secretsmanager:DescribeSecret) and
    C(secretsmanager:UpdateSecretVersionStage) on it, C(rds:ModifyDBCluster) on the cluster, and
    C(rds:DescribeDBClusters)."
  - Each call puts a new version.
attributes:
  check_mode:
    description: Reports a change, and changes nothing.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: gantry.ecs.ssm_parameters
"""

EXAMPLES = r"""
- name: Give a client another secret
  gantry.ecs.secret_version:
    secret_id: arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/dev/web-AbCdEf
    generate: 32
    json_key: client_secret
  delegate_to: localhost

- name: Give a database another password
  gantry.ecs.secret_version:
    secret_id: arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/dev/main-AbCdEf
    database_cluster: shop-dev-main
  delegate_to: localhost
"""

RETURN = r"""
secret_id:
  description: ARN of the secret.
  returned: success
  type: str
  sample: arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/dev/web-AbCdEf
"""

from pathlib import Path
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.hidden import Ending
from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.secret_version import SecretVersions
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, WaitTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

ARGUMENT_SPEC: dict[str, Any] = {
    "secret_id": {"type": "str", "required": True, "no_log": False},
    "generate": {"type": "int"},
    "json_key": {"type": "str", "default": "", "no_log": False},
    "value": {"type": "str", "no_log": True},
    "file": {"type": "path"},
    "database_cluster": {"type": "str"},
    "wait_timeout": {"type": "int", "default": 900},
}
SOURCES = ("generate", "value", "file", "database_cluster")


def text_of(path: str) -> str:
    """Return the text of a file without a line break at its end.

    Raises:
        ProblemError: it cannot be read, or is empty.
    """
    try:
        text = Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ProblemError(Problem("file", f"file {path} cannot be read: {reason}", "name another file")) from None
    if not text:
        raise ProblemError(Problem("file", f"file {path} is empty", "write the new value into it"))
    return text


def change(module: Any, end: Ending) -> None:
    """Put the new version."""
    params = module.params
    deadline = Deadline(params["wait_timeout"])
    versions = SecretVersions(module_clients(module), params["secret_id"], end.hide, deadline.pause)
    text = text_of(params["file"]) if params["file"] else params["value"]
    if module.check_mode:
        return
    if params["database_cluster"]:
        versions.renew_password(params["database_cluster"])
    elif params["generate"]:
        versions.renew(params["generate"], params["json_key"])
    else:
        versions.put(text)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[SOURCES],
        required_one_of=[SOURCES],
        supports_check_mode=True,
    )
    arn = module.params["secret_id"]
    end = Ending(module, ("value",), (arn,))
    try:
        change(module, end)
    except ProblemError as error:
        end.fail(str(error))
    except WaitTimeoutError:
        what = f"the cluster {module.params['database_cluster']} did not get its new password in time"
        end.fail(Problem("timeout", what, "repeat the call, which takes the same password up").line())
    except Exception as error:
        end.fail(explain(error, f"cannot give secret {arn} a new value", region_and_endpoint(module)).line())
    end.succeed(changed=True, secret_id=arn)


if __name__ == "__main__":
    main()
