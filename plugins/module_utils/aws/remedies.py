# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about an error of the AWS SDK: remedies by the code, the message and the type of the error."""

from __future__ import annotations

import re
from collections.abc import Iterable

LOG_IN = "the credentials have expired: log in again"
SSO_LOG_IN = "log in again: aws sso login"
UNKNOWN_CREDENTIALS = "AWS does not know the credentials: check the profile and the region"
KEY_OR_CLOCK = "the secret key is wrong, or this machine's clock is"
LATER = "a fault of AWS: try again later"
TOO_MANY = "too many calls in this account: try again later"
PERMIT = "give the caller this permission"
SUBNETS = "check network_configuration.subnets and the region"
SECURITY_GROUPS = "name security groups of the subnets' VPC in network_configuration.security_groups"
TASK_DEFINITION = "deploy the task definition first, or check its name and the region"
LAUNCH_TYPE = "fix launch_type, or requiresCompatibilities of the task definition"
QUOTA = "wait until other tasks have ended, or request a higher quota: Service Quotas, AWS Fargate"
TOKEN = "use another client_token, or the arguments of the first call with it"
IDENTITY_TOKEN = "renew the token of web_identity_token_file, and check the provider that the role's trust policy names"
IMAGE = "push the image, or fix the task definition's image"
NETWORK = "check the network, proxy and endpoint_url"
NOT_AWS = "see what answers at endpoint_url, or which proxy changes answers"

# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
DENIED_ACTION = re.compile(r"not authorized to perform:? (?P<action>[a-z0-9-]+:[A-Za-z]+)")
DENIED_ROLE = "let the caller pass the task's roles: iam:PassRole on the execution role and the task role"
# STS returns this for a missing role too: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html
DENIED_ASSUME = "allow sts:AssumeRole, check that the role exists, and let its trust policy name the caller"
DENIED_ON_PURPOSE = "is denied on purpose: have the policy changed that forbids it (resource, boundary or organization)"

# The message comes before the code: ECS reports most errors as InvalidParameterException or ClientException.
REMEDIES_BY_MESSAGE = (
    (
        r"multifactorauthentication",
        "take a session with a fresh code of the MFA device: aws sts assume-role with --serial-number and --token-code",
    ),
    (r"request ?limit ?exceeded|rate exceeded|too many requests", TOO_MANY),
    (r"not authorized|unauthorizedoperation", PERMIT),
    (r"capacity is unavailable", "try again later, or name subnets of more zones"),
    (
        r"service.linked role",
        "create it, once per account: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
    ),
    (r"unable to assume|trust relationship", "let ecs-tasks.amazonaws.com assume the role: fix its trust policy"),
    (
        r"no container instances were found",
        "add container instances to the cluster, or launch on Fargate: launch_type: FARGATE",
    ),
    (
        r"network configuration must be provided|subnets can ?not be (empty|blank)",
        "set network_configuration.subnets: the task definition's network mode awsvpc needs them",
    ),
    (r"network configuration is not valid", "leave network_configuration out: it is for network mode awsvpc only"),
    (
        r"security group.* (not exist|same vpc|be blank)|invalid(group|securitygroup)|security group information",
        SECURITY_GROUPS,
    ),
    (r"subnet.* (not exist|same vpc)|invalidsubnet|subnet information", SUBNETS),
    (r"assign ?public ?ip", "leave assign_public_ip out: only Fargate takes it"),
    (r"platform version must be null", "leave platform_version out: it is for Fargate only"),
    (
        r"capacity provider.*(not associated|not found|not valid|not active)|valid capacity provider",
        "fix capacity_provider_strategy, or give the cluster this provider: aws ecs put-cluster-capacity-providers",
    ),
    (r"does not support launch.?type|not compatible with the selected compute|launch.?type.* not support", LAUNCH_TYPE),
    (r"task ?definition is inactive", "name an active revision, or register the task definition anew"),
    (r"(describe|find) task definition|task ?definition.*not found", TASK_DEFINITION),
    (r"override for container named|not a container in the task ?definition", "fix the name in overrides.containers"),
    (
        r"override.*(8,?192|length|too (long|large))",
        "put long values into SSM or S3, and pass a reference in overrides",
    ),
    (r"no fargate configuration exists|invalid .{0,3}(cpu|memory)", "use a pair of cpu and memory that Fargate has"),
    (r"(configuration|request) is above your limit", "take less cpu, or request a higher Fargate quota"),
    (r"reached the limit", QUOTA),
    (r"client ?token", TOKEN),
    (
        r"arn and resource id format|long arn format",
        "opt in: aws ecs put-account-setting-default --name taskLongArnFormat --value enabled; or launch without tags",
    ),
    (r"valid task ?role", "give the task a task role (overrides.task_role_arn), or leave enable_execute_command out"),
    (r"referenced task was not found|task.* not found", "check the id and the region; ECS forgets tasks after an hour"),
)

# Codes of https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html, of ECS itself
# (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html), of CloudWatch Logs
# (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html), of ECR
# (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html) and of EC2
# (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html), and of STS
# (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html)
REMEDIES_BY_CODE = {
    "AccessDenied": PERMIT,
    "AccessDeniedException": PERMIT,
    "AuthFailure": UNKNOWN_CREDENTIALS,
    "BandwidthLimitExceeded": TOO_MANY,
    "BlockedException": "AWS has blocked the account: ask AWS Support",
    "ClusterNotFoundException": "deploy the cluster first, or check its name and the region",
    "ConflictException": TOKEN,
    "EC2ThrottledException": TOO_MANY,
    "ExpiredToken": LOG_IN,
    "ExpiredTokenException": LOG_IN,
    "IDPCommunicationError": LATER,
    "IDPRejectedClaim": IDENTITY_TOKEN,
    "IdempotentParameterMismatch": TOKEN,
    "ImageNotFoundException": IMAGE,
    "IncompleteSignature": KEY_OR_CLOCK,
    "InternalError": LATER,
    "InternalFailure": LATER,
    "InvalidAction": NOT_AWS,
    "InvalidClientTokenId": UNKNOWN_CREDENTIALS,
    "InvalidGroup.NotFound": SECURITY_GROUPS,
    "InvalidGroupId.Malformed": SECURITY_GROUPS,
    "InvalidIdentityToken": IDENTITY_TOKEN,
    "InvalidSecurityGroupID.NotFound": SECURITY_GROUPS,
    "InvalidSignatureException": KEY_OR_CLOCK,
    "InvalidSubnetID.Malformed": SUBNETS,
    "InvalidSubnetID.NotFound": SUBNETS,
    "LimitExceededException": QUOTA,
    "MissingAuthenticationToken": UNKNOWN_CREDENTIALS,
    "NotAuthorized": PERMIT,
    "OptInRequired": "the account does not use this region: enable it, or name another",
    "PlatformTaskDefinitionIncompatibilityException": "the platform version is too old: leave platform_version out",
    "PlatformUnknownException": "the platform version does not exist: leave platform_version out",
    "PriorRequestNotComplete": TOO_MANY,
    "RegionDisabledException": "activate STS in this region (IAM, account settings), or name another region",
    "RepositoryNotFoundException": IMAGE,
    "RequestExpired": KEY_OR_CLOCK,
    "RequestInTheFuture": "set this machine's clock",
    "RequestLimitExceeded": TOO_MANY,
    "RequestThrottled": TOO_MANY,
    "RequestThrottledException": TOO_MANY,
    "RequestTimeTooSkewed": "set this machine's clock",
    "ResourceNotFoundException": "check that it exists, its name and the region",
    "ServerException": LATER,
    "ServiceUnavailable": LATER,
    "ServiceUnavailableException": LATER,
    "SignatureDoesNotMatch": KEY_OR_CLOCK,
    "SlowDown": TOO_MANY,
    "ThrottledException": TOO_MANY,
    "Throttling": TOO_MANY,
    "ThrottlingException": TOO_MANY,
    "TooManyRequestsException": TOO_MANY,
    "UnauthorizedOperation": PERMIT,
    "UnknownOperationException": NOT_AWS,
    "UnrecognizedClientException": UNKNOWN_CREDENTIALS,
    "UnsupportedFeatureException": "the region or the platform version lacks it: leave the option out, or go elsewhere",
}

# Names of the SDK's own errors and of Python's, the most specific counts.
REMEDIES_BY_TYPE = {
    "ConfigParseError": "fix the file that AWS_CONFIG_FILE names, or ~/.aws/config",
    "ConnectTimeoutError": NETWORK,
    "ConnectionClosedError": "check the network and what runs at endpoint_url",
    "ConnectionError": NETWORK,
    "CredentialRetrievalError": "the profile's credential source failed: log in again",
    "EndpointConnectionError": "check the network, region and endpoint_url, and that what it names runs",
    "HTTPClientError": NETWORK,
    "InvalidConfigError": "fix the profile that is named, in ~/.aws/config",
    "InvalidRegionError": "fix region",
    "JSONDecodeError": NOT_AWS,
    "LoginError": "log in again: aws login",
    "MissingDependencyException": "log in another way (aws sso login), or install what is named beside boto3",
    "NoCredentialsError": "set AWS_PROFILE, or log in",
    "NoRegionError": "set region, or AWS_REGION",
    "ParamValidationError": "fix the parameter that is named",
    "PartialCredentialsError": "set both keys, or AWS_PROFILE",
    "ProfileNotFound": "fix profile, or AWS_PROFILE: see aws configure list-profiles",
    "ProxyConnectionError": "check HTTPS_PROXY",
    "ReadTimeoutError": NETWORK,
    "ResponseParserError": NOT_AWS,
    "SSLError": "check aws_ca_bundle, or the proxy that breaks the connection open",
    "SSOTokenLoadError": "log in: aws sso login",
    "TokenRetrievalError": SSO_LOG_IN,
    "UnauthorizedSSOTokenError": SSO_LOG_IN,
    "UnicodeDecodeError": NOT_AWS,
}


def remedy(code: str, message: str, types: Iterable[str]) -> str:
    """Say what to do about an error.

    Args:
        code: the code that AWS gave; empty where the error came from the SDK.
        message: what the error says.
        types: names of its class and of those that it derives from, the most specific first.

    Returns:
        A short advice; empty where none is known.
    """
    if denied := DENIED_ACTION.search(message):
        action = denied["action"]
        if "explicit deny" in message:
            return f"{action} {DENIED_ON_PURPOSE}"
        return {"iam:PassRole": DENIED_ROLE, "sts:AssumeRole": DENIED_ASSUME}.get(
            action, f"let the caller do it: allow {action}"
        )
    if code:
        for pattern, advice in REMEDIES_BY_MESSAGE:
            if re.search(pattern, message, re.IGNORECASE):
                return advice
    return REMEDIES_BY_CODE.get(code) or next(
        (REMEDIES_BY_TYPE[name] for name in types if name in REMEDIES_BY_TYPE), ""
    )
