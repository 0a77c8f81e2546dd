# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSM parameters and versions of secrets, on moto's account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.hidden import HIDDEN, Ending
from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.secret_value import generated, secret_value
from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.secret_version import SecretVersions
from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.ssm_parameters import (
    Applied,
    ParameterStore,
    Wanted,
    same_key,
    texts,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError
from botocore.exceptions import ClientError
from moto import mock_aws

PATH = "/shop/dev"
TAGS = {"Project": "shop", "Environment": "dev"}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f0e0d0c-0000-4000-8000-000000000000"
Clients = Callable[[str], Any]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Clients of an account without resources."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="eu-west-1")


def store(clients: Clients, is_check: bool = False, hidden: list[str] | None = None) -> ParameterStore:
    return ParameterStore(clients, PATH, TAGS, is_check, (hidden if hidden is not None else []).append)


def applied(clients: Clients, *wanted: Wanted, renew: tuple[str, ...] = (), is_check: bool = False) -> list[str]:
    """Put parameters, and return what changed of each."""
    return [each.change for each in store(clients, is_check).apply(wanted, renew)]


def value(clients: Clients, name: str) -> str:
    return str(clients("ssm").get_parameter(Name=f"{PATH}/{name}", WithDecryption=True)["Parameter"]["Value"])


def secret(clients: Clients, text: str = "") -> str:
    """Create a secret, and return its ARN."""
    request = {"SecretString": text} if text else {}
    return str(clients("secretsmanager").create_secret(Name="shop/dev/web", **request)["ARN"])


# ---- SSM parameters


def test_parameters_are_created_once(clients: Clients) -> None:
    """A second call changes nothing, and a generated value stays."""
    wanted = (
        Wanted("admin", value="admin", description="A user"),
        Wanted("token", length=24),
        Wanted("mark", type="String", value="3"),
    )
    assert applied(clients, *wanted) == ["create"] * 3
    token = value(clients, "token")
    assert applied(clients, *wanted) == ["", "", ""]
    assert (value(clients, "admin"), value(clients, "token"), len(token)) == ("admin", token, 24)
    described = clients("ssm").describe_parameters()["Parameters"]
    assert {each["Name"]: each["Type"] for each in described} == {
        f"{PATH}/admin": "SecureString",
        f"{PATH}/token": "SecureString",
        f"{PATH}/mark": "String",
    }
    request = {"ResourceType": "Parameter", "ResourceId": f"{PATH}/token"}
    tags = {tag["Key"]: tag["Value"] for tag in clients("ssm").list_tags_for_resource(**request)["TagList"]}
    assert tags == {**TAGS, "gantry.ecs/source": "generated"}


def test_a_parameter_follows_its_secret(clients: Clients) -> None:
    """The value is put again where the secret has another one, and one key of a JSON object is chosen."""
    arn = secret(clients, json.dumps({"password": "one", "port": 3306}))
    wanted = (Wanted("password", secret=arn, json_key="password"), Wanted("port", secret=arn, json_key="port"))
    assert applied(clients, *wanted) == ["create", "create"]
    clients("secretsmanager").put_secret_value(SecretId=arn, SecretString=json.dumps({"password": "two", "port": 3306}))
    assert applied(clients, *wanted) == ["value", ""]
    assert (value(clients, "password"), value(clients, "port")) == ("two", "3306")


@pytest.mark.parametrize(
    ("after", "change"),
    [
        (Wanted("one", value="y"), "value"),
        (Wanted("one", value="x", key=KEY), "key"),
        (Wanted("one", value="x", description="another"), "description"),
    ],
)
def test_each_difference_is_put_once(clients: Clients, after: Wanted, change: str) -> None:
    applied(clients, Wanted("one", value="x"))
    assert applied(clients, after) == [change]
    assert applied(clients, after) == [""]


def test_missing_tags_are_added(clients: Clients) -> None:
    clients("ssm").put_parameter(Name=f"{PATH}/one", Value="x", Type="SecureString")
    assert applied(clients, Wanted("one", value="x")) == ["tags"]
    assert applied(clients, Wanted("one", value="x")) == [""]


def test_a_generated_value_is_renewed_by_name_only(clients: Clients) -> None:
    applied(clients, Wanted("one", length=24), Wanted("two", length=24))
    before = value(clients, "one"), value(clients, "two")
    assert applied(clients, Wanted("one", length=24), Wanted("two", length=24), renew=("two",)) == ["", "value"]
    assert value(clients, "one") == before[0] and value(clients, "two") != before[1]


def test_a_check_reads_and_puts_nothing(clients: Clients) -> None:
    """Also where the secret, or its value, does not exist yet."""
    empty = secret(clients)
    wanted = (
        Wanted("one", value="x"),
        Wanted("two", secret="known-after-the-deploy"),
        Wanted("three", secret=empty),
        Wanted("four", length=24),
    )
    assert applied(clients, *wanted, is_check=True) == ["create"] * 4
    assert clients("ssm").describe_parameters()["Parameters"] == []


@pytest.mark.parametrize(
    ("text", "json_key", "what"),
    [
        ("", "", "has no value"),
        ("no object", "password", "is no JSON object with the key password"),
        ('{"user": "a"}', "password", "is no JSON object with the key password"),
    ],
)
def test_a_secret_without_the_value_is_one_line(clients: Clients, text: str, json_key: str, what: str) -> None:
    arn = secret(clients, text)
    with pytest.raises(ProblemError) as caught:
        applied(clients, Wanted("one", secret=arn, json_key=json_key))
    assert str(caught.value).startswith(f"secret {arn} {what} -> ")


def test_a_parameter_of_another_type_is_refused(clients: Clients) -> None:
    clients("ssm").put_parameter(Name=f"{PATH}/one", Value="x", Type="String")
    with pytest.raises(ProblemError, match="is of type String, and SecureString is wanted"):
        applied(clients, Wanted("one", value="x"))


def test_a_value_that_ssm_does_not_hold_is_refused_unseen(clients: Clients) -> None:
    with pytest.raises(ProblemError, match="has 4097 characters, and 4096 are the most") as caught:
        applied(clients, Wanted("one", value="v" * 4097))
    assert "vvv" not in str(caught.value)


def test_secure_strings_that_nobody_wants_are_left(clients: Clients) -> None:
    applied(clients, Wanted("one", value="x"), Wanted("two", value="x"), Wanted("text", type="String", value="x"))
    clients("ssm").put_parameter(Name=f"{PATH}/below/three", Value="x", Type="SecureString")
    assert store(clients).left([Wanted("one", value="x")]) == ["two"]


def test_read_and_generated_values_are_hidden(clients: Clients) -> None:
    hidden: list[str] = []
    arn = secret(clients, "from the secret")
    store(clients, hidden=hidden).apply([Wanted("one", secret=arn), Wanted("two", length=24)])
    assert hidden == ["from the secret", value(clients, "two")]


def test_a_diff_has_names_and_sources_and_no_value() -> None:
    wanted = [Wanted("one", value="hidden"), Wanted("two", secret="arn:x", json_key="a"), Wanted("three", length=9)]
    changes = [Applied("one", "", "value"), Applied("two", "", "create"), Applied("three", "", "")]
    assert texts(wanted, changes) == (
        "one: SecureString from its value\nthree: SecureString from 9 generated characters\n",
        "one: SecureString from its value (another value)\ntwo: SecureString from arn:x#a\n"
        "three: SecureString from 9 generated characters\n",
    )


@pytest.mark.parametrize(
    ("key", "other", "is_same"),
    [
        ("alias/aws/ssm", "alias/aws/ssm", True),
        (KEY, KEY.rpartition("/")[2], True),
        (KEY, KEY[:-1] + "1", False),
        ("alias/aws/ssm", KEY, False),
    ],
)
def test_a_key_is_known_by_arn_and_by_id(key: str, other: str, is_same: bool) -> None:
    assert {same_key(*pair) for pair in ((key, other), (other, key))} == {is_same}


# ---- Versions of secrets


class Clusters:
    """A cluster that needs some looks for its password.

    Attributes:
        passwords: that were requested.
        fails: whether the next request fails.
    """

    def __init__(self) -> None:
        self.passwords: list[str] = []
        self.fails = False
        self._looks = 0

    def modify_db_cluster(self, **request: Any) -> None:
        if self.fails:
            self.fails = False
            raise ClientError(
                {"Error": {"Code": "InvalidDBClusterStateFault", "Message": "modifying"}}, "ModifyDBCluster"
            )
        assert (request["DBClusterIdentifier"], request["ApplyImmediately"]) == ("shop-dev-main", True)
        self.passwords.append(request["MasterUserPassword"])
        self._looks = 0

    def describe_db_clusters(self, **_request: Any) -> dict[str, Any]:
        self._looks += 1
        states: list[dict[str, Any]] = [
            {"Status": "available", "PendingModifiedValues": {"MasterUserPassword": "****"}},
            {"Status": "resetting-master-credentials"},
        ]
        return {"DBClusters": [states[self._looks - 1] if self._looks <= len(states) else {"Status": "available"}]}


def versions(clients: Clients, arn: str, rds: Clusters | None = None) -> SecretVersions:
    return SecretVersions(
        lambda name: rds if name == "rds" else clients(name), arn, lambda _value: None, lambda _s: None
    )


def held(clients: Clients, arn: str, stage: str = "AWSCURRENT") -> Any:
    return clients("secretsmanager").get_secret_value(SecretId=arn, VersionStage=stage)["SecretString"]


def test_a_renewed_secret_keeps_form_and_previous_value(clients: Clients) -> None:
    before = json.dumps({"client_secret": "one", "client": "web"})
    arn = secret(clients, before)
    versions(clients, arn).renew(32, "client_secret")
    after = json.loads(held(clients, arn))
    assert (len(after["client_secret"]), after["client"]) == (32, "web")
    assert held(clients, arn, "AWSPREVIOUS") == before
    versions(clients, arn).renew(20)
    assert len(held(clients, arn)) == 20


def test_a_password_is_that_of_cluster_and_secret(clients: Clients) -> None:
    """The version before stays, and none is pending."""
    before = json.dumps({"username": "keycloak", "password": "one"})
    arn, rds = secret(clients, before), Clusters()
    versions(clients, arn, rds).renew_password("shop-dev-main")
    after = json.loads(held(clients, arn))
    assert after["username"] == "keycloak" and [after["password"]] == rds.passwords
    assert held(clients, arn, "AWSPREVIOUS") == before
    stages = clients("secretsmanager").describe_secret(SecretId=arn)["VersionIdsToStages"].values()
    assert "AWSPENDING" not in [label for labels in stages for label in labels]


def test_a_password_that_was_pending_is_taken_up(clients: Clients) -> None:
    """After a failure the secret has the old password; the next call gives the cluster the pending one."""
    arn, rds = secret(clients, json.dumps({"username": "keycloak", "password": "one"})), Clusters()
    rds.fails = True
    with pytest.raises(ClientError):
        versions(clients, arn, rds).renew_password("shop-dev-main")
    assert json.loads(held(clients, arn))["password"] == "one"
    pending = json.loads(held(clients, arn, "AWSPENDING"))["password"]
    versions(clients, arn, rds).renew_password("shop-dev-main")
    assert rds.passwords == [pending] and json.loads(held(clients, arn))["password"] == pending


def test_a_secret_that_is_no_object_gets_no_member(clients: Clients) -> None:
    arn = secret(clients, "a text")
    with pytest.raises(ProblemError, match="is no JSON object, in which the key a could have a value"):
        versions(clients, arn).renew(32, "a")
    assert held(clients, arn) == secret_value(clients("secretsmanager"), arn) == "a text"


def test_generated_values_differ_and_are_letters_and_digits() -> None:
    values = {generated(32) for _index in range(50)}
    assert len(values) == 50 and all(len(each) == 32 and each.isalnum() for each in values)


# ---- The end of a module


class Module:
    """Keeps what a module ends with."""

    def __init__(self, *known: str) -> None:
        self._module = self
        self.no_log_values = set(known)
        self.params = {"parameters": [{"name": "admin", "value": "a long value"}, {"name": "x", "value": None}]}
        self.result: dict[str, Any] = {}

    def exit_json(self, **result: Any) -> None:
        self.result = result

    def fail_json(self, **result: Any) -> None:
        self.result = result


def test_a_result_masks_values_and_not_names() -> None:
    """A value that is the text of a name, or short, is not masked; the arguments have none."""
    module = Module("administrator", "admin", "a long value")
    end = Ending(module, ("value",), ("/shop/administrator",))
    end.hide("another value")
    assert module.no_log_values == {"a long value", "another value"}
    with pytest.raises(SystemExit):
        end.succeed(changed=True)
    assert module.result["invocation"]["module_args"]["parameters"] == [
        {"name": "admin", "value": HIDDEN},
        {"name": "x", "value": None},
    ]
    with pytest.raises(SystemExit):
        end.fail("what -> remedy")
    assert module.result["msg"] == "what -> remedy" and "invocation" in module.result
