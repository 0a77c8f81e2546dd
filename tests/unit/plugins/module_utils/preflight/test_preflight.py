# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preflight as a whole: it stops at nothing, and what it may not look at is a warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.gantry.ecs.plugins.module_utils.aws.service_linked_role import create_role, find_role
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.preflight import look
from ansible_collections.gantry.ecs.plugins.modules.preflight_info import ARGUMENT_SPEC
from botocore.exceptions import ClientError, ProfileNotFound
from botocore.stub import Stubber
from moto import mock_aws

KEYS = {"aws_access_key_id": "testing-key", "aws_secret_access_key": "testing-secret"}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


def client(service: str, region: str = "") -> Any:
    return boto3.client(service, region or "eu-west-1", **KEYS)


def denied_client(service: str, region: str = "") -> Any:
    if service != "sts":
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": f"no {service} for you"}}, "Any")
    return client(service, region)


def unknown_client(service: str, region: str = "") -> Any:
    raise ProfileNotFound(profile="nobody")


def params(**given: Any) -> dict[str, Any]:
    result = ArgumentSpecValidator(ARGUMENT_SPEC).validate({"project": "ddbload", "environment": "dev"} | given)
    assert result.error_messages == []
    return dict(result.validated_parameters)


NETWORK = {"zone_count": 2, "nat_mode": "single", "egress": "nat"}
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ddbload-dev:1"


def test_a_fresh_account_lacks_only_the_role_that_can_be_made() -> None:
    named = params(network=NETWORK, check_quotas=False, allowed_accounts=["123456789012"])
    found = look(client, named, "eu-west-1")
    assert found.findings.problems == [] and found.findings.warnings == []
    assert found.missing_roles == ["ecs.amazonaws.com"]
    assert found.caller and found.caller.account == "123456789012"


def test_all_that_is_wrong_is_found_at_once() -> None:
    wrong = params(
        project="AWS",
        environment="x",
        allowed_accounts=["1"],
        network={"vpc_cidr": "8.8.8.8/32", "zone_count": 20, "nat_mode": "single"},
        image=IMAGE,
        check_quotas=False,
    )
    problems = look(client, wrong, "eu-west-1").findings.problems
    told_of = ("project's", "SSM", "environment's", "/32", "public", "may only use", "20 zones", IMAGE, "for nothing")
    for told in told_of:
        assert [line for line in problems if told in line], told
    assert all(" -> " in line and "\n" not in line for line in problems)


def test_what_needs_no_account_is_found_where_aws_does_not_know_us() -> None:
    found = look(unknown_client, params(environment="x", network={"vpc_cidr": "ten"}), "eu-west-1")
    assert len(found.findings.problems) == 3 and found.caller is None
    assert found.findings.warnings == ["not checked: what is in the account, since there is no access to the account"]


def test_what_may_not_be_looked_at_is_a_warning() -> None:
    given = params(network=NETWORK, task={"cpu": 1024, "count": 2}, image=IMAGE, is_embedded=True)
    found = look(denied_client, given, "eu-west-1")
    assert found.findings.problems == []
    assert len(found.findings.warnings) == 5
    assert all(line.startswith("not checked (") for line in found.findings.warnings)


def test_without_a_network_or_a_task_neither_is_looked_at() -> None:
    found = look(client, params(service_linked_roles=[]), "eu-west-1")
    assert found.findings.checked == ["region eu-west-1"]
    assert found.missing_roles == []


def test_an_existing_vpc_is_asked_for_and_no_range_is_checked() -> None:
    network = {"existing_vpc_id": "vpc-1", "vpc_cidr": "ten", "existing_private_subnet_ids": ["subnet-1"]}
    (line,) = look(client, params(network=network), "eu-west-1").findings.problems
    assert "VPC vpc-1 does not exist" in line


def test_a_service_linked_role_is_found_again_once_it_is_made() -> None:
    iam = client("iam")
    assert find_role(iam, "ecs.amazonaws.com") == ""
    name = create_role(iam, "ecs.amazonaws.com")
    assert find_role(iam, "ecs.amazonaws.com") == name


@pytest.mark.parametrize("code", ["InvalidInput", "EntityAlreadyExists"])
def test_a_service_linked_role_that_came_in_the_meantime_is_as_good(code: str) -> None:
    iam = client("iam")
    name = create_role(iam, "ecs.amazonaws.com")
    with Stubber(iam) as stub:
        stub.add_client_error("create_service_linked_role", code, "has been taken in this account", 400)
        role = {
            "Path": "/aws-service-role/ecs.amazonaws.com/",
            "RoleName": name,
            "RoleId": "AROAEXAMPLEEXAMPLE",
            "Arn": f"arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/{name}",
            "CreateDate": "2026-01-31T00:00:00Z",
        }
        stub.add_response("list_roles", {"Roles": [role]})
        assert create_role(iam, "ecs.amazonaws.com") == name
        stub.add_client_error("create_service_linked_role", "AccessDenied", "no", 403)
        stub.add_response("list_roles", {"Roles": []})
        with pytest.raises(ClientError):
            create_role(iam, "ecs.amazonaws.com")
