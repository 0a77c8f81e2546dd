#!/usr/bin/python
# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: a login to the ECR registry."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_authorization_info
short_description: A login to the ECR registry
version_added: 0.1.0
author: The ddbload.aws contributors (@ddbload)
description:
  - Asks ECR for the user name and the password that C(docker login) takes; they are good for twelve hours.
  - Use it with C(no_log), since it returns a secret.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would return otherwise.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Ask the registry for a login
  ddbload.aws.ecr_authorization_info:
  register: login
  no_log: true
"""

RETURN = r"""
registry:
  description: Host of the registry.
  returned: always
  type: str
  sample: 123456789012.dkr.ecr.eu-west-1.amazonaws.com
username:
  description: User name.
  returned: always
  type: str
  sample: AWS
password:
  description: Password.
  returned: always
  type: str
  sample: (a long token)
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule says so

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.ddbload.aws.plugins.module_utils.ecr import decode_authorization


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec={}, supports_check_mode=True)
    client = module.client("ecr")
    try:
        answer = client.get_authorization_token()
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="cannot get a login to the registry (ecr:GetAuthorizationToken)")
    module.exit_json(changed=False, **decode_authorization(answer["authorizationData"][0]))


if __name__ == "__main__":
    main()
