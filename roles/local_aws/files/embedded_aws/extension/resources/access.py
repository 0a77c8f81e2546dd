# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: an identity provider of IAM, an inline policy of a role, the resource policy of a secret.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-oidcprovider.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-rolepolicy.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-resourcepolicy.html
"""

from __future__ import annotations

import json
from typing import Any

from embedded_aws.extension.api import call
from embedded_aws.extension.api_shapes import PropertyError
from embedded_aws.extension.resources import kind
from embedded_aws.extension.resources.kind import Kind, Made, Properties, check_names


def required(properties: Properties, name: str) -> Any:
    """Return a property that a type cannot be without.

    Raises:
        PropertyError: it is missing.
    """
    if name not in properties:
        raise PropertyError(f"{name} is missing -> add it")
    return properties[name]


def _create_provider(properties: Properties, _name: str) -> Made:
    check_names(properties, {"ClientIdList", "Tags", "ThumbprintList", "Url"})
    request: dict[str, Any] = {"Url": required(properties, "Url")}
    names = {"ClientIdList": "ClientIDList", "ThumbprintList": "ThumbprintList", "Tags": "Tags"}
    request |= {member: properties[name] for name, member in names.items() if properties.get(name)}
    arn = call("iam", "CreateOpenIDConnectProvider", **request)["OpenIDConnectProviderArn"]
    return arn, {"Arn": arn}


def _delete_provider(arn: str, _properties: Properties) -> None:
    call("iam", "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=arn)


def _put_role_policy(properties: Properties, _name: str) -> Made:
    check_names(properties, {"PolicyDocument", "PolicyName", "RoleName"})
    names = {name: required(properties, name) for name in ("PolicyName", "RoleName")}
    call("iam", "PutRolePolicy", **names, PolicyDocument=_document(required(properties, "PolicyDocument")))
    return f"{names['PolicyName']}|{names['RoleName']}", {}


def _delete_role_policy(_physical_id: str, properties: Properties) -> None:
    call("iam", "DeleteRolePolicy", RoleName=properties["RoleName"], PolicyName=properties["PolicyName"])


def _put_secret_policy(properties: Properties, _name: str) -> Made:
    check_names(properties, {"BlockPublicPolicy", "ResourcePolicy", "SecretId"})
    secret = required(properties, "SecretId")
    policy = _document(required(properties, "ResourcePolicy"))
    call("secretsmanager", "PutResourcePolicy", SecretId=secret, ResourcePolicy=policy)
    return secret, {"Id": secret}


def _delete_secret_policy(secret: str, _properties: Properties) -> None:
    call("secretsmanager", "DeleteResourcePolicy", SecretId=secret)


def _document(policy: Any) -> str:
    return policy if isinstance(policy, str) else json.dumps(policy)


KINDS = {
    "AWS::IAM::OIDCProvider": Kind(_create_provider, _delete_provider),
    "AWS::IAM::RolePolicy": Kind(
        _put_role_policy,
        _delete_role_policy,
        lambda _, __, new: _put_role_policy(new, ""),
        ("PolicyName", "RoleName"),
    ),
    "AWS::SecretsManager::ResourcePolicy": Kind(
        _put_secret_policy,
        _delete_secret_policy,
        lambda _, __, new: _put_secret_policy(new, ""),
        ("SecretId",),
    ),
}


def install() -> None:
    """Let templates have these types."""
    kind.install(KINDS)
