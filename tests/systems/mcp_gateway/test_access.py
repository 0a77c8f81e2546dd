# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo prints at its end: commands that a shell takes as they are, and logins without passwords."""

from __future__ import annotations

import shlex

import boto3
import pytest
import yaml
from mcp_gateway_stand_in import access
from moto import mock_aws

AUTHORITY = "/home/me/check out/.local-aws/front/ca.pem"


def stack(host: str, address: str) -> dict[str, str]:
    """Return the outputs of a load balancer."""
    return {"HostName": host, "DnsName": address, "Url": f"https://{host}:8443"}


@pytest.fixture
def shown() -> list[str]:
    gateway = stack("registry.us-east-1.example.com", "127.78.1.1")
    return access.lines(gateway, stack("kc.us-east-1.example.com", "127.78.1.2"), AUTHORITY, access.users())


def test_curl_and_chromium_find_both_names(shown: list[str]) -> None:
    """They resolve neither name by themselves."""
    [curl] = [shlex.split(line) for line in shown if line.startswith("  curl ")]
    assert curl[curl.index("--cacert") + 1] == AUTHORITY
    assert curl[curl.index("--resolve") + 1] == "registry.us-east-1.example.com:8443:127.78.1.1"
    assert curl[-1] == "https://registry.us-east-1.example.com:8443/health"
    [chromium] = [shlex.split(line) for line in shown if line.startswith("  chromium ")]
    assert "MAP registry.us-east-1.example.com 127.78.1.1, MAP kc.us-east-1.example.com 127.78.1.2" in " ".join(
        chromium
    )


def test_each_user_of_the_realm_has_a_secret(shown: list[str]) -> None:
    """The secrets are those of the description, by the names of their templates."""
    secrets = yaml.safe_load((access.SYSTEM / "system.yml").read_text(encoding="utf-8"))["secrets"]
    assert {f"mcp-gateway/local/{name}" for name in secrets} >= set(access.users().values())
    assert access.users().keys() == {"admin", "testuser", "lob1-user", "lob2-user"}
    assert all(any(line.split() == [user, secret] for line in shown) for user, secret in access.users().items())


@mock_aws
def test_the_lines_come_from_the_stacks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name, host in (("main", "registry.test"), ("keycloak", "kc.test")):
        outputs = {key: {"Value": value} for key, value in stack(host, "127.78.1.1").items()}
        template = yaml.safe_dump({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs})
        boto3.client("cloudformation").create_stack(
            StackName=f"mcp-gateway-local-load-balancer-{name}", TemplateBody=template
        )
    assert access.main(AUTHORITY) == 0
    printed = capsys.readouterr().out
    assert "The web page: https://registry.test:8443/\n" in printed and "https://kc.test:8443/\n" in printed
