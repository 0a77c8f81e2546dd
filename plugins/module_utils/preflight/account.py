# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose credentials these are, whether that account is meant, and whether it is ready in this region."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

with suppress(ImportError):  # AnsibleAWSModule says so
    import botocore.session
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ProfileNotFound,
        ProxyConnectionError,
        UnknownRegionError,
    )

from ansible_collections.gantry.ecs.plugins.module_utils.aws.credentials import source_of
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code, explain, is_expired
from ansible_collections.gantry.ecs.plugins.module_utils.aws.resources.service_linked_role import find_role
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

LOG_IN = (
    "set AWS_PROFILE to a profile of ~/.aws/config (`aws configure list-profiles` lists them) "
    "and log in (`aws sso login`)"
)
# Each partition's region that cannot be disabled: it accepts credentials that a disabled region refuses.
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
# https://docs.aws.amazon.com/general/latest/gr/rande-manage.html, and the error codes of services in a disabled region
NOT_KNOWN_HERE = {"AuthFailure", "InvalidClientTokenId", "OptInRequired", "UnrecognizedClientException"}


class Caller(NamedTuple):
    """The AWS principal: account id, and the ARN of the user or role."""

    account: str
    arn: str


def identify(client: Callable[..., Any], params: Mapping[str, Any], region: str, findings: Findings) -> Caller | None:
    """Return the caller of the AWS APIs, as STS reports it.

    Args:
        client: gives a boto3 client of a service, in another region where one is named.
        params: the module's parameters.
        region: the environment's region.
        findings: takes what is wrong.

    Returns:
        The caller, None where AWS rejects the credentials in this region.
        See https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    try:
        return _caller(client("sts"))
    except (BotoCoreError, ClientError) as error:
        home = "" if params.get("endpoint_url") else HOMES.get(_partition(region), "")
        if error_code(error) in NOT_KNOWN_HERE and home not in ("", region):
            with suppress(BotoCoreError, ClientError):
                caller = _caller(client("sts", home))
                findings.problems.append(_not_enabled(region, caller.account))
                return None
        findings.problems.append(_unverified(error, params, region))
    return None


def account_problems(
    caller: Caller, environment: str, allowed: Collection[str], reserved: Mapping[str, Sequence[str]], *, required: bool
) -> list[Problem]:
    """Check that the account is one that the environment may use.

    Args:
        caller: whose credentials these are.
        environment: the environment's name.
        allowed: ids of the accounts that it may use; empty allows any that is not another environment's.
        reserved: the accounts that other environments may use, by environment.
        required: whether accounts have to be named.

    Returns:
        The problem, in a list; an empty list where the environment may use the account.
    """
    whose = f"the credentials belong to account {caller.account} ({caller.arn})"
    if allowed:
        if caller.account in allowed:
            return []
        names = ", ".join(allowed)
        return [
            Problem(
                "account",
                f"{whose}, but {environment} may only use {names} (allowed_accounts)",
                "choose another AWS_PROFILE",
            )
        ]
    if owners := [name for name, accounts in reserved.items() if caller.account in map(str, accounts)]:
        return [
            Problem(
                "account",
                f"{whose}, which is named for {', '.join(owners)} and not for {environment} (allowed_accounts)",
                f"choose another AWS_PROFILE, or allow the account for {environment}",
            )
        ]
    if required:
        return [
            Problem(
                "account",
                f"no account is named that {environment} may use (allowed_accounts)",
                f"if {caller.account} ({caller.arn}) is the one, set preflight_allowed_accounts: "
                f'["{caller.account}"] in its inventory',
            )
        ]
    return []


def account_warnings(
    caller: Caller, environment: str, reserved: Mapping[str, Sequence[str]], unread: Sequence[str], *, is_unnamed: bool
) -> list[Problem]:
    """Return what does not keep one environment's account out of another.

    Args:
        caller: whose credentials these are.
        environment: the environment's name.
        reserved: the accounts that other environments may use, by environment.
        unread: what of those could not be read.
        is_unnamed: whether the environment must name its accounts, and names none.

    Returns:
        A warning for each file that could not be read, and for an account that is not named.
    """
    warnings = [
        Problem("not_checked", f"not checked: which accounts other environments name: {line}") for line in unread
    ]
    if is_unnamed:
        known = ", ".join(name for name, accounts in reserved.items() if accounts)
        others = f"any account except those of {known}" if known else "any account"
        warnings.append(
            Problem(
                "account",
                f"environment {environment} may use {others}: preflight_allowed_accounts is empty",
                f"if {caller.account} is the one, set preflight_allowed_accounts: "
                f'["{caller.account}"] in its inventory',
            )
        )
    return warnings


def check_region(ec2: Any, region: str, account: str, zone_count: int, findings: Findings) -> None:
    """Check that a region is enabled, and has enough availability zones.

    Args:
        ec2: a boto3 EC2 client.
        region: its name.
        account: the account's id.
        zone_count: how many availability zones the environment's own network spans; 0 for an existing VPC.
        findings: takes what is found.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: EC2 refused, or was out of reach.
        See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
    """
    try:
        found = ec2.describe_regions(RegionNames=[region], AllRegions=True)["Regions"]
    except ClientError as error:
        if error_code(error) not in NOT_KNOWN_HERE:
            raise
        found = [{"OptInStatus": "not-opted-in"}]
    if not found or found[0].get("OptInStatus") == "not-opted-in":
        findings.problems.append(_not_enabled(region, account))
        return
    findings.checked.append(f"region {region}")
    zones = [one["ZoneName"] for one in ec2.describe_availability_zones()["AvailabilityZones"] if _is_usable(one)]
    if len(zones) < zone_count:
        findings.problems.append(
            Problem(
                "account",
                f"{zone_count} zones are wanted, {region} has {len(zones)} available ({', '.join(zones) or 'none'})",
                "lower network_zone_count, or choose another region",
            )
        )


def missing_service_linked_roles(iam: Any, services: Sequence[str], findings: Findings) -> list[str]:
    """Return the services whose service-linked role the account lacks, as every fresh account does.

    Args:
        iam: a boto3 IAM client.
        services: such as "ecs.amazonaws.com".
        findings: takes which are there.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: IAM refused, or was out of reach.
        See https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
    """
    present = [service for service in services if find_role(iam, service)]
    findings.checked += [f"service-linked role of {service}" for service in present]
    return [service for service in services if service not in present]


def _is_usable(zone: Mapping[str, Any]) -> bool:
    # A local zone has a zone's name too, but no Fargate.
    is_zone = zone.get("ZoneType", "availability-zone") == "availability-zone"
    return bool(is_zone and zone.get("State", "available") == "available")


def _caller(sts: Any) -> Caller:
    response = sts.get_caller_identity()
    return Caller(response["Account"], response["Arn"])


def _not_enabled(region: str, account: str) -> Problem:
    return Problem(
        "account",
        f"region {region} is not enabled in account {account}",
        f"enable it (aws account enable-region --region-name {region}), or choose another aws_region",
    )


def _unverified(error: BaseException, params: Mapping[str, Any], region: str) -> Problem:
    where = f"environment {params['environment']}, region {region}, {source_of(params)}"
    problem = explain(error, "the AWS credentials could not be verified", where)
    advice = problem.remedy
    behind = getattr(error, "origin", error)
    # An error of Python, such as for a missing file, has a remedy of its own.
    is_of_aws = isinstance(behind, BotoCoreError | ClientError)
    # An unreachable proxy hides AWS's response: explain's own remedy, the proxy, comes first.
    if params.get("credentials_remedy") and not isinstance(behind, ProxyConnectionError):
        advice = params["credentials_remedy"]
    elif is_of_aws and (error_code(error) or is_expired(error) or isinstance(behind, ProfileNotFound)):
        advice = LOG_IN
    elif not params.get("endpoint_url") and region not in _known_regions(region):
        advice = f"boto3 knows no region {region}: fix aws_region, or update boto3"
    return problem._replace(remedy=advice or LOG_IN)


def _known_regions(region: str) -> list[str]:
    """Return the regions that the SDK knows in a region's partition."""
    known: list[str] = _any_session().get_available_regions("ec2", partition_name=_partition(region))
    return known


def _partition(region: str) -> str:
    """Return the partition that a region is in, "aws" where its name says nothing."""
    try:
        return str(_any_session().get_partition_for_region(region))
    except UnknownRegionError:
        return "aws"


def _any_session() -> Any:
    """Return a session that reads no profile of the operator's: there may be none of its name."""
    return botocore.session.Session(session_vars={"profile": (None, None, None, None)})
