# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of templates on the embedded AWS: their Ref, and the passwords made for them."""

from __future__ import annotations

import json
import string
from typing import Any
from uuid import uuid4

import pytest
from embedded_aws.extension.api_shapes import PropertyError
from embedded_aws.extension.resources.secrets_manager import TYPE, secret_string
from emulators import Emulator
from hypothesis import given
from hypothesis import strategies as st

CLASSES = {
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeNumbers": string.digits,
    "ExcludePunctuation": string.punctuation,
}
YES = st.sampled_from([True, "true"])


def secret(**properties: Any) -> dict[str, Any]:
    return {"Secret": {"Type": TYPE, "Properties": properties}}


def value(emulator: Emulator, arn: str) -> str:
    return str(emulator.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def test_ref_is_the_arn_and_so_is_the_physical_id(extended: Emulator) -> None:
    name = f"team/{uuid4().hex[:8]}"
    outputs = {"Ref": {"Ref": "Secret"}, "Id": {"Fn::GetAtt": ["Secret", "Id"]}}
    stack = extended.create(secret(Name=name, SecretString="a"), outputs)
    arn = extended.client("secretsmanager").describe_secret(SecretId=name)["ARN"]
    assert arn.startswith(f"arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-")
    assert stack.outputs == {"Ref": arn, "Id": arn}
    assert stack.ids == {"Secret": arn}


def test_ministack_alone_hands_out_the_name(plain: Emulator) -> None:
    """The day that this fails, the extension has one defect less to fix."""
    stack = plain.create(secret(Name="team/db", SecretString="a"), {"Ref": {"Ref": "Secret"}})
    assert stack.outputs == {"Ref": "team/db"}


def test_a_dynamic_reference_takes_the_ref(extended: Emulator) -> None:
    resolved = {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"}
    resources = secret(SecretString='{"password": "correct horse"}') | {
        "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": resolved}}
    }
    stack = extended.create(resources)
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    parameter = extended.client("ssm").get_parameter(Name=stack.ids["Parameter"])["Parameter"]
    assert parameter["Value"] == "correct horse"


def test_an_update_keeps_the_secret_and_its_versions(extended: Emulator) -> None:
    stack = extended.create(secret(SecretString="first"))
    updated = extended.update(stack, secret(SecretString="second", Description="of the team"))
    assert updated.status == "UPDATE_COMPLETE"
    assert updated.ids == stack.ids
    found = extended.client("secretsmanager").describe_secret(SecretId=stack.ids["Secret"])
    assert found["Description"] == "of the team"
    assert sorted(found["VersionIdsToStages"].values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]]
    assert value(extended, stack.ids["Secret"]) == "second"


def test_another_name_is_another_secret(extended: Emulator) -> None:
    first, second = f"team/{uuid4().hex[:8]}", f"team/{uuid4().hex[:8]}"
    stack = extended.create(secret(Name=first, SecretString="a"))
    updated = extended.update(stack, secret(Name=second, SecretString="a"))
    assert f":secret:{second}-" in updated.ids["Secret"]
    names = {item["Name"] for item in extended.client("secretsmanager").list_secrets()["SecretList"]}
    assert second in names
    assert first not in names


def test_a_stack_removes_its_secret(extended: Emulator) -> None:
    stack = extended.create(secret(SecretString="a"))
    extended.delete(stack)
    arns = {item["ARN"] for item in extended.client("secretsmanager").list_secrets()["SecretList"]}
    assert stack.ids["Secret"] not in arns


def test_a_stack_leaves_another_ones_secret_alone(extended: Emulator) -> None:
    name = f"team/{uuid4().hex[:8]}"
    made = extended.client("secretsmanager").create_secret(Name=name, SecretString="theirs")
    stack = extended.create(secret(Name=name, SecretString="own"))
    assert stack.status == "ROLLBACK_COMPLETE"
    assert stack.reasons == [f"a secret named {name} exists already -> delete it, or write another Name"]
    assert value(extended, made["ARN"]) == "theirs"


def test_drift_of_a_secret_is_still_found(extended: Emulator) -> None:
    stack = extended.create(secret(SecretString="a", Description="of the team"))
    extended.client("secretsmanager").update_secret(SecretId=stack.ids["Secret"], Description="another's")
    drift = extended.client("cloudformation").detect_stack_resource_drift(
        StackName=stack.name, LogicalResourceId="Secret"
    )["StackResourceDrift"]
    assert drift["StackResourceDriftStatus"] == "MODIFIED"
    assert [item["PropertyPath"] for item in drift["PropertyDifferences"]] == ["/Description"]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Type": "managed"}, "Type is not kept by the embedded AWS -> write one of Description, Generate"),
        ({"SecretString": "a", "GenerateSecretString": {}}, "SecretString and GenerateSecretString exclude each other"),
        ({"GenerateSecretString": {"Length": 3}}, "GenerateSecretString.Length is no property that the API knows"),
        ({"GenerateSecretString": {"PasswordLength": 3}}, "GenerateSecretString: PasswordLength too short"),
        ({"GenerateSecretString": {"PasswordLength": 0}}, "GenerateSecretString: PasswordLength must be between"),
        ({"GenerateSecretString": {"GenerateStringKey": "a"}}, "GenerateSecretString: SecretStringTemplate and"),
        ({"GenerateSecretString": "a"}, "GenerateSecretString is no object -> write one"),
        (
            {"GenerateSecretString": {"GenerateStringKey": "a", "SecretStringTemplate": "[never to be seen]"}},
            "GenerateSecretString.SecretStringTemplate is no JSON object -> write one as text",
        ),
    ],
)
def test_what_cannot_be_made_fails_the_stack(extended: Emulator, properties: dict[str, Any], expected: str) -> None:
    stack = extended.create(secret(**properties))
    assert stack.status == "ROLLBACK_COMPLETE"
    [reason] = stack.reasons
    assert reason.startswith(expected)
    assert "never to be seen" not in reason


def test_a_generated_value_is_made_anew_with_its_rules(extended: Emulator) -> None:
    stack = extended.create(secret(GenerateSecretString={"ExcludePunctuation": True, "PasswordLength": 40}))
    before = value(extended, stack.ids["Secret"])
    assert len(before) == 40
    assert before.isalnum()
    rules_kept = {"ExcludePunctuation": True, "PasswordLength": 40}
    described = extended.update(stack, secret(GenerateSecretString=rules_kept, Description="of the team"))
    assert described.status == "UPDATE_COMPLETE"
    assert value(extended, stack.ids["Secret"]) == before
    updated = extended.update(stack, secret(GenerateSecretString={"ExcludeLowercase": True}))
    assert updated.ids == stack.ids
    after = value(extended, stack.ids["Secret"])
    assert len(after) == 32
    assert after.upper() == after


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what GenerateSecretString may say; it allows one class of characters at least."""
    kept = draw(st.sampled_from(sorted(CLASSES)))
    return draw(
        st.fixed_dictionaries(
            {"PasswordLength": st.integers(5, 64)},
            optional={
                "ExcludeCharacters": st.text(st.sampled_from(string.punctuation + "abcXYZ012"), max_size=8),
                "IncludeSpace": YES,
                "RequireEachIncludedType": st.booleans(),
                **{name: YES for name in CLASSES if name != kept},
            },
        )
    )


@given(rules())
def test_a_password_is_as_its_rules_say(said: dict[str, Any]) -> None:
    password = secret_string({"GenerateSecretString": said})
    assert len(password) == said["PasswordLength"]
    allowed = {name: characters for name, characters in CLASSES.items() if name not in said}
    if "IncludeSpace" in said:
        allowed["IncludeSpace"] = " "
    excluded = set(said.get("ExcludeCharacters", ""))
    assert set(password) <= set("".join(allowed.values())) - excluded
    if said.get("RequireEachIncludedType", True):
        assert all(set(password) & set(characters) for characters in allowed.values() if set(characters) - excluded)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3), st.text(max_size=8))
def test_a_password_is_put_into_its_template(around: dict[str, str], key: str) -> None:
    said = {"SecretStringTemplate": json.dumps(around), "GenerateStringKey": key}
    made = json.loads(secret_string({"GenerateSecretString": said}))
    assert len(made.pop(key)) == 32
    assert made == {name: text for name, text in around.items() if name != key}


def test_two_passwords_are_not_the_same() -> None:
    assert len({secret_string({"GenerateSecretString": {}}) for _attempt in range(20)}) == 20


def test_all_characters_excluded_is_an_error() -> None:
    with pytest.raises(PropertyError, match="No characters available"):
        secret_string({"GenerateSecretString": dict.fromkeys(CLASSES, True)})
