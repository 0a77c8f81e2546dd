#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: SSM parameters with their values, also SecureStrings, which CloudFormation cannot create."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssm_parameters
short_description: Put SSM parameters, also with generated values and with copies of secrets
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Creates the parameters below a path, and puts those whose value, key, description or tags differ.
  - A value is given, generated once, or read from Secrets Manager. No value is returned, logged or shown in a diff.
  - Reports the parameters of type C(SecureString) one level below the path that are not in O(parameters), and leaves
    them alone.
options:
  path:
    description: Path of the parameters, without a slash at its end.
    type: str
    required: true
  parameters:
    description: The parameters. Each has exactly one of O(parameters[].value), O(parameters[].secret) and
      O(parameters[].generate).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name below the path.
        type: str
        required: true
      type:
        description: Type of the parameter.
        type: str
        choices: [SecureString, String]
        default: SecureString
      description:
        description: What it is for. An existing one stays where this is empty.
        type: str
        default: ""
      key_id:
        description: ARN of the KMS key that encrypts a SecureString; the key C(aws/ssm) where it is empty.
        type: str
        default: ""
      value:
        description: Its value.
        type: str
      secret:
        description: ARN of the secret in Secrets Manager whose value it has. It is put again whenever it differs.
        type: str
      json_key:
        description: Key of the JSON object that the secret is; empty for its whole text.
        type: str
        default: ""
      generate:
        description: Number of random letters and digits of its value. A parameter that exists keeps its value.
        type: int
  renew:
    description: Names of parameters with O(parameters[].generate) that get a new value.
    type: list
    elements: str
    default: []
  tags:
    description: Tags of each parameter, beside C(gantry.ecs/source). Other tags stay.
    type: dict
    default: {}
notes:
  - "Permissions: C(ssm:DescribeParameters) on C(*); C(ssm:GetParameters), C(ssm:PutParameter),
    C(ssm:ListTagsForResource) and C(ssm:AddTagsToResource) on the parameters; C(secretsmanager:GetSecretValue) on the
    secrets; C(kms:Decrypt) on the keys of both, and C(kms:Encrypt) on those of the parameters."
  - The module of community.aws, C(ssm_parameter), would take the value of a secret or a generated value from the
    play, where a task, a fact or a log may show it.
attributes:
  check_mode:
    description: Reads parameters and secrets, and returns what would be put.
    support: full
  diff_mode:
    description: Shows names, types and sources of the parameters that would change, without values.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: gantry.ecs.secret_version
"""

EXAMPLES = r"""
- name: Put the settings of Keycloak
  gantry.ecs.ssm_parameters:
    path: /shop/dev
    parameters:
      - name: admin
        value: admin
      - name: admin-password
        generate: 32
      - name: database-password
        secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/dev/database-AbCdEf
        json_key: password
    tags:
      Project: shop
      Environment: dev
  delegate_to: localhost
"""

RETURN = r"""
parameters:
  description: The parameters, in the order of O(parameters).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name below the path.
      type: str
      sample: admin
    arn:
      description: Its ARN; empty where it does not exist, in check mode.
      type: str
      sample: arn:aws:ssm:eu-west-1:123456789012:parameter/shop/dev/admin
    change:
      description: What differed, one of C(create), C(value), C(key), C(description) and C(tags); empty for nothing.
      type: str
      sample: value
changed_names:
  description: Names of the parameters that were put, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [admin-password]
left:
  description: Names of the SecureStrings one level below the path that are not in O(parameters).
  returned: success
  type: list
  elements: str
  sample: []
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import module_clients, region_and_endpoint
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.hidden import Ending
from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.ssm_parameters import (
    ParameterStore,
    Wanted,
    texts,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError

PARAMETER_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "choices": ["SecureString", "String"], "default": "SecureString"},
    "description": {"type": "str", "default": ""},
    "key_id": {"type": "str", "default": "", "no_log": False},
    "value": {"type": "str", "no_log": True},
    "secret": {"type": "str", "no_log": False},
    "json_key": {"type": "str", "default": "", "no_log": False},
    "generate": {"type": "int"},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "path": {"type": "str", "required": True},
    "parameters": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": PARAMETER_SPEC,
        "mutually_exclusive": [("value", "secret", "generate")],
        "required_one_of": [("value", "secret", "generate")],
    },
    "renew": {"type": "list", "elements": "str", "default": []},
    "tags": {"type": "dict", "default": {}},
}


def wanted_of(parameter: Mapping[str, Any]) -> Wanted:
    """Return the parameter that an element of the option describes."""
    return Wanted(
        parameter["name"],
        parameter["type"],
        parameter["description"],
        parameter["key_id"],
        parameter["value"],
        parameter["secret"] or "",
        parameter["json_key"],
        parameter["generate"] or 0,
    )


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    path, wanted = module.params["path"], [wanted_of(each) for each in module.params["parameters"]]
    end = Ending(module, ("value",), (path, *(each.name for each in wanted)))
    tags = {key: str(value) for key, value in module.params["tags"].items()}
    store = ParameterStore(module_clients(module), path, tags, module.check_mode, end.hide)
    try:
        applied = store.apply(wanted, module.params["renew"])
        left = store.left(wanted)
    except ProblemError as error:
        end.fail(str(error))
    except Exception as error:
        where = region_and_endpoint(module)
        end.fail(explain(error, f"cannot put the SSM parameters below {path}", where).line())
    before, after = texts(wanted, applied)
    changed = [each.name for each in applied if each.change]
    end.succeed(
        changed=bool(changed),
        parameters=[{"name": each.name, "arn": each.arn, "change": each.change} for each in applied],
        changed_names=changed,
        left=left,
        diff={"before": before, "after": after},
    )


if __name__ == "__main__":
    main()
