# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks together: none stops the others, and a check without permission is a warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.gantry.ecs.plugins.module_utils.aws.resources.service_linked_role import create_role, find_role
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


def test_a_fresh_account_lacks_only_the_linked_role() -> None:
    named = params(network=NETWORK, check_quotas=False, allowed_accounts=["123456789012"])
    found = look(client, named, "eu-west-1")
    assert found.findings.problems == [] and found.findings.warnings == []
    assert found.missing_roles == ["ecs.amazonaws.com"]
    assert found.caller and found.caller.account == "123456789012"


def test_all_problems_are_found_at_once() -> None:
    wrong = params(
        project="AWS",
        environment="x",
        allowed_accounts=["1"],
        network={"vpc_cidr": "8.8.8.8/32", "zone_count": 20, "nat_mode": "single"},
        image=IMAGE,
        check_quotas=False,
    )
    problems = [each.line() for each in look(client, wrong, "eu-west-1").findings.problems]
    expected = (
        "project's",
        "SSM",
        "environment's",
        "/32",
        "public",
        "may only use",
        "20 zones",
        IMAGE,
        "without any use",
    )
    for text in expected:
        assert [line for line in problems if text in line], text
    assert all(" -> " in line and "\n" not in line for line in problems)


def test_checks_without_an_account_run_without_credentials() -> None:
    """Checks that need no account run where AWS rejects the credentials."""
    found = look(
        unknown_client, params(environment="x", network={"vpc_cidr": "ten", "egress": "endpoints"}), "eu-west-1"
    )
    assert len(found.findings.problems) == 3 and found.caller is None
    assert found.findings.warnings == [
        ("not_checked", "not checked: what is in the account, since there is no access to the account", "")
    ]


def test_a_check_without_its_permission_is_a_warning() -> None:
    given = params(network=NETWORK, task={"cpu": 1024, "count": 2}, image=IMAGE, is_embedded=True)
    found = look(denied_client, given, "eu-west-1")
    assert found.findings.problems == []
    assert len(found.findings.warnings) == 5
    assert all(each.what.startswith("not checked (") for each in found.findings.warnings)


def test_checks_of_a_run_without_permissions_are_warnings() -> None:
    """Without permissions each check of a run is a warning line, and none is a problem."""
    run = params(task={"count": 80}, subnets_of_stack=True, table_of_stack=True, plan={"write_units": 10})
    lines = [each.line() for each in look(denied_client, run | {"is_embedded": True}, "eu-west-1").findings.warnings]
    assert look(denied_client, run, "eu-west-1").findings.problems == []
    for what in ("free addresses of the subnets", "quota of network interfaces", "the table's throughput"):
        assert [line for line in lines if line.startswith("not checked (") and what in line], what


def test_without_a_network_or_a_task_neither_is_checked() -> None:
    found = look(client, params(service_linked_roles=[]), "eu-west-1")
    assert found.findings.checked == ["region eu-west-1"]
    assert found.missing_roles == []


def test_an_existing_vpc_needs_no_range() -> None:
    network = {"existing_vpc_id": "vpc-1", "vpc_cidr": "ten", "existing_private_subnet_ids": ["subnet-1"]}
    (line,) = [each.line() for each in look(client, params(network=network), "eu-west-1").findings.problems]
    assert "VPC vpc-1 does not exist" in line


def test_a_created_service_linked_role_is_found() -> None:
    iam = client("iam")
    assert find_role(iam, "ecs.amazonaws.com") == ""
    name = create_role(iam, "ecs.amazonaws.com")
    assert find_role(iam, "ecs.amazonaws.com") == name


@pytest.mark.parametrize("code", ["InvalidInput", "EntityAlreadyExists"])
def test_service_linked_role_of_another_client_is_accepted(code: str) -> None:
    """A service-linked role that another client creates meanwhile is accepted."""
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


NO_WAY_OUT = {"egress": "none", "nat_mode": "none"}


def warnings_of(network: dict[str, Any], **given: Any) -> list[str]:
    named = params(network=network, check_quotas=False, allowed_accounts=["123456789012"], **given)
    found = look(client, named, "eu-west-1").findings
    assert [each.line() for each in found.problems if "network_egress" in each.line()] == []
    return [each.line() for each in found.warnings if "network_egress" in each.line()]


def test_a_network_without_a_path_to_ecr_is_a_warning() -> None:
    """A VPC of the collection with neither NAT gateway nor endpoints is deployed, but no task can pull its image."""
    (line,) = warnings_of(NO_WAY_OUT)
    assert line.startswith("network_egress none: ")
    assert line.endswith(" -> before a run set network_egress to endpoints, or to nat with network_nat_mode: single")


@pytest.mark.parametrize(
    ("network", "given"),
    [
        (NO_WAY_OUT, {"is_embedded": True}),
        (NO_WAY_OUT | {"existing_vpc_id": "vpc-1"}, {}),
        ({"egress": "endpoints"}, {}),
        ({"egress": "nat", "nat_mode": "single"}, {}),
    ],
    ids=["embedded AWS", "existing VPC", "endpoints", "NAT"],
)
def test_no_warning_where_images_may_be_pulled(network: dict[str, Any], given: dict[str, Any]) -> None:
    assert warnings_of(network, **given) == []


def test_a_stack_that_no_component_makes_is_a_warning() -> None:
    """Those of the described components, and of other environments, are none."""
    cloudformation = client("cloudformation")
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    for name, environment in (("table", "dev"), ("service-old", "dev"), ("two-service-old", "dev-two")):
        tags = [{"Key": "Project", "Value": "ddbload"}, {"Key": "Environment", "Value": environment}]
        cloudformation.create_stack(StackName=f"ddbload-dev-{name}", TemplateBody=template, Tags=tags)
    for components, expected in (([], []), (["table"], ["ddbload-dev-service-old"])):
        given = params(components=components, check_quotas=False, allowed_accounts=["123456789012"])
        lines = [each.line() for each in look(client, given, "eu-west-1").findings.warnings]
        assert [line.split()[1] for line in lines] == expected
        command = "aws cloudformation delete-stack --region eu-west-1 --stack-name ddbload-dev-service-old"
        assert all(line.endswith(command) for line in lines)


def test_stacks_that_may_not_be_listed_are_not_checked() -> None:
    given = params(components=["table"], check_quotas=False)
    lines = [each.line() for each in look(denied_client, given, "eu-west-1").findings.warnings]
    assert [line for line in lines if line.startswith("not checked (stacks that no component makes")]
