# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller, the expected account, and what the account lacks; with botocore's stubs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.account import (
    Caller,
    account_problems,
    account_warnings,
    check_region,
    identify,
    missing_service_linked_roles,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from botocore.exceptions import ProfileNotFound, ProxyConnectionError, SSOTokenLoadError
from botocore.stub import Stubber

KEYS = {"aws_access_key_id": "testing-key", "aws_secret_access_key": "testing-secret"}
ME = Caller("123456789012", "arn:aws:iam::123456789012:user/me")
IDENTITY = {"Account": ME.account, "Arn": ME.arn, "UserId": "AIDAEXAMPLE"}
PARAMS = {"environment": "dev", "profile": "mine", "credentials_remedy": None, "endpoint_url": None}


def stubbed(service: str, region: str = "ap-east-1") -> tuple[Any, Stubber]:
    client = boto3.client(service, region, **KEYS)
    stub = Stubber(client)
    stub.activate()
    return client, stub


def raising(error: Exception) -> Callable[..., Any]:
    def client(service: str, region: str = "") -> Any:
        raise error

    return client


def test_a_known_caller_is_no_finding() -> None:
    sts, stub = stubbed("sts")
    stub.add_response("get_caller_identity", IDENTITY)
    findings = Findings()
    assert identify(lambda *service: sts, PARAMS, "ap-east-1", findings) == ME
    assert findings == Findings()


def test_disabled_region_differs_from_wrong_credentials() -> None:
    """A region that is not enabled is distinguished from wrong credentials."""
    here, stub_here = stubbed("sts")
    home, stub_home = stubbed("sts", "us-east-1")
    stub_here.add_client_error("get_caller_identity", "InvalidClientTokenId", "The security token is invalid.", 403)
    stub_home.add_response("get_caller_identity", IDENTITY)
    findings = Findings()
    clients = {"": here, "us-east-1": home}
    assert identify(lambda service, region="": clients[region], PARAMS, "ap-east-1", findings) is None
    (line,) = [each.line() for each in findings.problems]
    assert line.startswith("region ap-east-1 is not enabled in account 123456789012 -> enable it")


def test_credentials_that_every_region_rejects_are_wrong() -> None:
    sts, stub = stubbed("sts")
    for attempt in ("here", "at home"):
        stub.add_client_error("get_caller_identity", "InvalidClientTokenId", attempt, 403)
    findings = Findings()
    assert identify(lambda *service: sts, PARAMS, "ap-east-1", findings) is None
    (line,) = [each.line() for each in findings.problems]
    where = "(environment dev, region ap-east-1, profile mine)"
    assert f"the AWS credentials could not be verified {where}: InvalidClientTokenId: here" in line
    assert "-> set AWS_PROFILE to a profile of ~/.aws/config" in line


def test_an_emulator_gets_no_call_to_another_region() -> None:
    sts, stub = stubbed("sts")
    stub.add_client_error("get_caller_identity", "InvalidClientTokenId", "no", 403)
    findings = Findings()
    assert identify(lambda *service: sts, PARAMS | {"endpoint_url": "http://x"}, "ap-east-1", findings) is None
    stub.assert_no_pending_responses()
    assert len(findings.problems) == 1


@pytest.mark.parametrize(
    "error", [ProfileNotFound(profile="mine"), SSOTokenLoadError(error_msg="the token is gone")], ids=["profile", "sso"]
)
def test_profile_without_credentials_is_reported_with_the_login(error: Exception) -> None:
    """A profile that gives no credentials is reported with the command to log in."""
    findings = Findings()
    assert identify(raising(error), PARAMS, "eu-west-1", findings) is None
    (line,) = [each.line() for each in findings.problems]
    assert "profile mine" in line and "(`aws sso login`)" in line


def test_a_remedy_of_the_caller_takes_precedence() -> None:
    findings = Findings()
    identify(raising(ProfileNotFound(profile="x")), PARAMS | {"credentials_remedy": "start it"}, "x", findings)
    assert findings.problems[0].line().endswith(" -> start it")


def test_a_proxy_that_cannot_be_reached_is_named_first() -> None:
    findings, proxy = Findings(), ProxyConnectionError(proxy_url="http://127.0.0.1:9")
    embedded = PARAMS | {"credentials_remedy": "start it", "endpoint_url": "http://127.0.0.1:4566"}
    identify(raising(proxy), embedded, "x", findings)
    assert findings.problems[0].line().endswith('proxy URL: "http://127.0.0.1:9" -> check HTTPS_PROXY')


@pytest.mark.parametrize(
    ("allowed", "reserved", "required", "expected"),
    [
        ([], {}, False, ""),
        ([ME.account], {}, True, ""),
        # An account may be named for several environments.
        ([ME.account], {"prod": [ME.account]}, False, ""),
        (["210987654321"], {}, False, "but dev may only use 210987654321"),
        ([], {"prod": [ME.account], "staging": []}, False, "is named for prod and not for dev"),
        ([], {"prod": ["210987654321"]}, False, ""),
        ([], {}, True, f'set preflight_allowed_accounts: ["{ME.account}"]'),
    ],
)
def test_an_environment_uses_its_own_accounts(
    allowed: list[str], reserved: dict[str, list[str]], required: bool, expected: str
) -> None:
    lines = [each.line() for each in account_problems(ME, "dev", allowed, reserved, required=required)]
    assert len(lines) == (1 if expected else 0)
    assert all(expected in line and ME.account in line and " -> " in line for line in lines)


def look_at_region(zones: list[dict[str, Any]], wanted: int, status: str = "opted-in") -> Findings:
    ec2, stub = stubbed("ec2")
    stub.add_response("describe_regions", {"Regions": [{"RegionName": "ap-east-1", "OptInStatus": status}]})
    stub.add_response("describe_availability_zones", {"AvailabilityZones": zones})
    findings = Findings()
    check_region(ec2, "ap-east-1", ME.account, wanted, findings)
    return findings


ZONES = [
    {"ZoneName": "ap-east-1a", "State": "available", "ZoneType": "availability-zone"},
    {"ZoneName": "ap-east-1b", "State": "available", "ZoneType": "availability-zone"},
    {"ZoneName": "ap-east-1c", "State": "unavailable", "ZoneType": "availability-zone"},
    {"ZoneName": "ap-east-1-hkg-1a", "State": "available", "ZoneType": "local-zone"},
]


def test_a_region_must_have_enough_zones() -> None:
    assert look_at_region(ZONES, 2) == Findings(checked=["region ap-east-1"])
    (line,) = [each.line() for each in look_at_region(ZONES, 3).problems]
    assert "3 zones are wanted, ap-east-1 has 2 available (ap-east-1a, ap-east-1b)" in line


def test_a_region_that_is_not_enabled() -> None:
    (line,) = [each.line() for each in look_at_region(ZONES, 2, "not-opted-in").problems]
    assert "region ap-east-1 is not enabled" in line


def test_a_region_that_rejects_credentials_is_not_enabled() -> None:
    ec2, stub = stubbed("ec2")
    stub.add_client_error("describe_regions", "AuthFailure", "AWS was not able to validate", 401)
    findings = Findings()
    check_region(ec2, "ap-east-1", ME.account, 0, findings)
    assert "is not enabled" in findings.problems[0].line()


def test_a_fresh_account_lacks_the_service_linked_role() -> None:
    iam, stub = stubbed("iam")
    role = {
        "Path": "/aws-service-role/one.amazonaws.com/",
        "RoleName": "AWSServiceRoleForOne",
        "RoleId": "AROAEXAMPLEEXAMPLE",
        "Arn": "arn:aws:iam::123456789012:role/aws-service-role/one.amazonaws.com/AWSServiceRoleForOne",
        "CreateDate": "2026-01-31T00:00:00Z",
    }
    stub.add_response("list_roles", {"Roles": [role]}, {"PathPrefix": "/aws-service-role/one.amazonaws.com/"})
    stub.add_response("list_roles", {"Roles": []}, {"PathPrefix": "/aws-service-role/two.amazonaws.com/"})
    findings = Findings()
    services = ["one.amazonaws.com", "two.amazonaws.com"]
    assert missing_service_linked_roles(iam, services, findings) == ["two.amazonaws.com"]
    assert findings == Findings(checked=["service-linked role of one.amazonaws.com"])


def test_an_environment_without_accounts_is_a_warning() -> None:
    (line,) = [each.line() for each in account_warnings(ME, "dev", {}, [], is_unnamed=True)]
    assert line.startswith("environment dev may use any account: preflight_allowed_accounts is empty")
    assert line.endswith('set preflight_allowed_accounts: ["123456789012"] in its inventory')
    (line,) = [each.line() for each in account_warnings(ME, "dev", {"prod": ["1"], "staging": []}, [], is_unnamed=True)]
    assert "may use any account except those of prod: preflight_allowed_accounts is empty ->" in line
    assert account_warnings(ME, "dev", {}, [], is_unnamed=False) == []


def test_unread_accounts_are_warnings() -> None:
    (line,) = [each.line() for each in account_warnings(ME, "dev", {}, ["inventories/prod: why"], is_unnamed=False)]
    assert line == "not checked: which accounts other environments name: inventories/prod: why"


def test_an_account_without_quotes_is_another_environment_s_too() -> None:
    assert account_problems(ME, "dev", [], {"prod": [123456789012]}, required=False)  # type: ignore[list-item]
