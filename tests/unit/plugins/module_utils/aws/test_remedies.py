# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.aws.remedies import REMEDIES_BY_MESSAGE
from botocore import exceptions
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

URL = "http://127.0.0.1:1"
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


def refused(code: str, message: str = "no", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "RunTask")


INVALID = "InvalidParameterException"
CLIENT = "ClientException"
REMEDIES = [
    (refused("ClusterNotFoundException", "Cluster not found."), "deploy the cluster"),
    (refused(CLIENT, "Unable to describe task definition."), "deploy the task definition"),
    (refused(CLIENT, "TaskDefinition not found."), "deploy the task definition"),
    (refused(INVALID, "TaskDefinition is inactive"), "active revision"),
    (refused(INVALID, "No Container Instances were found in your cluster."), "launch_type: FARGATE"),
    (
        refused(INVALID, "Network Configuration must be provided when networkMode 'awsvpc' is specified."),
        "set network_configuration.subnets",
    ),
    (refused(INVALID, "subnets can not be empty."), "set network_configuration.subnets"),
    (
        refused(INVALID, "Network Configuration is not valid for the given networkMode of this task definition."),
        "leave network_configuration out",
    ),
    (
        refused(
            INVALID,
            "Error retrieving subnet information for [subnet-1]: The subnet ID 'subnet-1' does not exist (ErrorCode: "
            "InvalidSubnetID.NotFound)",
        ),
        "network_configuration.subnets",
    ),
    (
        refused(
            INVALID,
            "Error retrieving security group information for [sg-1]: The security group 'sg-1' does not exist "
            "(ErrorCode: InvalidGroup.NotFound)",
        ),
        "security_groups",
    ),
    (
        refused(INVALID, "Security group sg-1 does not appear to belong to the same VPC as the input subnets."),
        "security_groups",
    ),
    (refused(INVALID, "Assign public IP is not supported for this launch type."), "assign_public_ip"),
    (refused(INVALID, "The platform version must be null when specifying an EC2 launch type."), "platform_version"),
    (refused(INVALID, "Task definition does not support launch_type FARGATE."), "requiresCompatibilities"),
    (
        refused(
            INVALID,
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with "
            "the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider.",
        ),
        "put-cluster-capacity-providers",
    ),
    (refused(INVALID, "The specified capacity provider 'x' was not found."), "capacity_provider_strategy"),
    (
        refused(
            INVALID, "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
        ),
        "create-service-linked-role",
    ),
    (
        refused(
            CLIENT,
            "ECS was unable to assume the role 'arn:x' that was provided for this task. Please verify that it has "
            "the proper trust relationship and permissions and that your IAM user has permissions to pass this role.",
        ),
        "trust policy",
    ),
    (
        refused(INVALID, "Override for container named x is not a container in the TaskDefinition."),
        "overrides.containers",
    ),
    (refused(INVALID, "Container Overrides length must be at most 8192"), "pass a reference"),
    (
        refused(CLIENT, "No Fargate configuration exists for given values: 1024 CPU, 1024 memory."),
        "pair of cpu and memory",
    ),
    (refused(CLIENT, "Invalid 'cpu' setting for task."), "pair of cpu and memory"),
    (refused(CLIENT, "The requested CPU configuration is above your limit"), "less cpu"),
    (refused(CLIENT, "You've reached the limit on the number of tasks you can run concurrently"), "higher quota"),
    (refused("LimitExceededException"), "higher quota"),
    (refused("ConflictException", "The provided clientToken is already in use"), "client_token"),
    (refused("ConflictException"), "client_token"),
    (refused(INVALID, "The provided client token is invalid."), "client_token"),
    (
        refused(
            INVALID, "The new ARN and resource ID format must be enabled to add tags to the task. Opt in and try again"
        ),
        "taskLongArnFormat",
    ),
    (
        refused(
            INVALID,
            "The execute command failed because a valid task role is not being used. Specify a valid task role in your "
            "task definition or as a task override and try again.",
        ),
        "enable_execute_command",
    ),
    (refused(INVALID, "The referenced task was not found."), "after an hour"),
    (refused(CLIENT, NO_CAPACITY), "more zones"),
    (refused("UnsupportedFeatureException"), "leave the option out"),
    (refused("PlatformUnknownException"), "platform_version"),
    (refused("PlatformTaskDefinitionIncompatibilityException"), "platform_version"),
    (refused("BlockedException"), "AWS Support"),
    (refused("ServerException", "Service Unavailable. Please try again later.", 500), "try again later"),
    (refused("ThrottlingException", "Rate exceeded"), "too many calls"),
    (refused("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code."), "MFA device"),
    (refused("AccessDenied", "User: u is not authorized to perform: sts:AssumeRole on resource: r"), "the role exists"),
    (refused("InvalidIdentityToken", "No OpenIDConnect provider found"), "web_identity_token_file"),
    (refused("RegionDisabledException", "STS is not activated in this region"), "activate STS"),
    (refused("RequestInTheFuture", "The difference is too large"), "clock"),
    (refused("ThrottledException", "Slower"), "too many calls"),
    (
        refused(
            INVALID,
            "Error retrieving security group information for [sg-1]: Request limit exceeded. (ErrorCode: "
            "RequestLimitExceeded)",
        ),
        "too many calls",
    ),
    (
        refused(
            "AccessDeniedException",
            "User: u is not authorized to perform: ecs:RunTask on resource: x because no identity-based policy allows",
        ),
        "allow ecs:RunTask",
    ),
    (
        refused("AccessDeniedException", "User: u is not authorized to perform: iam:PassRole on resource: arn:role/x"),
        "the execution role and the task role",
    ),
    (
        refused(
            "AccessDeniedException",
            "User: u is not authorized to perform: ecs:RunTask on resource: x with an explicit deny in a "
            "service control policy",
        ),
        "ecs:RunTask is denied on purpose",
    ),
    (
        refused(
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. User: u is not authorized to "
            "perform: ec2:DescribeSubnets because",
            403,
        ),
        "allow ec2:DescribeSubnets",
    ),
    (refused("UnauthorizedOperation", "You are not authorized to perform this operation.", 403), "give the caller"),
    (
        refused(
            INVALID,
            "Error retrieving subnet information for [subnet-1]: You are not authorized to perform this "
            "operation. (ErrorCode: UnauthorizedOperation)",
        ),
        "give the caller",
    ),
    (refused("ExpiredTokenException", "The security token is expired"), "log in again"),
    (refused("UnrecognizedClientException"), "profile"),
    (refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401), "profile"),
    (refused("InvalidSignatureException", "Signature expired: 1 is now earlier than 2"), "clock"),
    (refused("OptInRequired", "You are not subscribed to this service", 403), "region"),
    (refused("InvalidSubnetID.NotFound"), "network_configuration.subnets"),
    (refused("InvalidGroup.NotFound"), "security_groups"),
    (refused("ResourceNotFoundException", "The specified log group does not exist."), "region"),
    (refused("RepositoryNotFoundException"), "push the image"),
    (refused("ImageNotFoundException"), "push the image"),
    (refused("UnknownOperationException"), "endpoint_url"),
    (exceptions.NoCredentialsError(), "AWS_PROFILE"),
    (exceptions.NoRegionError(), "region"),
    (exceptions.ProfileNotFound(profile="p"), "list-profiles"),
    (exceptions.EndpointConnectionError(endpoint_url=URL), "endpoint_url"),
    (exceptions.ReadTimeoutError(endpoint_url=URL), "network"),
    (exceptions.ConnectionClosedError(endpoint_url=URL), "what runs at endpoint_url"),
    (exceptions.SSLError(endpoint_url=URL, error=OSError("certificate verify failed")), "aws_ca_bundle"),
    (exceptions.UnauthorizedSSOTokenError(), "aws sso login"),
    (exceptions.HTTPClientError(error="x"), "network"),
    (ResponseParserError("not JSON"), "proxy"),
]


@pytest.mark.parametrize(("error", "words"), REMEDIES, ids=[str(error)[-48:] for error, words in REMEDIES])
def test_an_error_says_what_where_and_how_to_fix_it(error: Exception, words: str) -> None:
    problem = explain(error, "cannot run t on cluster c", "region r")
    assert problem.what.startswith("cannot run t on cluster c (region r): ") and "\n" not in problem.line()
    assert words in problem.remedy, problem


def test_every_remedy_by_message_applies_to_some_error() -> None:
    given = {explain(error, "cannot", "here").remedy for error, words in REMEDIES}
    assert [pattern for pattern, advice in REMEDIES_BY_MESSAGE if advice not in given] == []
