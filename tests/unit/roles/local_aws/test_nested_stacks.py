# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nested stacks on the embedded AWS: their references are resolved, and they can be updated."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from emulators import MANIFEST, Emulator, Stack, template


def queue(delay: int = 0) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": delay}}


def parameter(value: Any, **also: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **also}}


def nested(emulator: Emulator, resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a parent's resource whose child has the resources."""
    url = emulator.stored(template(resources, outputs))
    return {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}


def child_of(emulator: Emulator, stack: Stack) -> Stack:
    """Return the child of a stack that has ended well."""
    assert stack.status.endswith("E_COMPLETE"), stack.reasons
    return emulator.stack(stack.ids["Child"])


def parameter_value(emulator: Emulator, name: str) -> str:
    return str(emulator.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def secret_made(emulator: Emulator, value: str) -> str:
    made = emulator.client("secretsmanager").create_secret(Name=f"team/{uuid4().hex[:8]}", SecretString=value)
    return str(made["ARN"])


def test_a_childs_reference_is_resolved(extended: Emulator) -> None:
    arn = secret_made(extended, "correct horse")
    reference = f"{{{{resolve:secretsmanager:{arn}}}}}"
    stack = extended.create(nested(extended, {"Parameter": parameter(reference)}))
    child = child_of(extended, stack)
    assert parameter_value(extended, child.ids["Parameter"]) == "correct horse"


def test_ministack_alone_takes_the_reference_for_the_value(plain: Emulator) -> None:
    """The day that this fails, the extension has one defect less to fix."""
    reference = f"{{{{resolve:secretsmanager:{secret_made(plain, 'correct horse')}}}}}"
    child = child_of(plain, plain.create(nested(plain, {"Parameter": parameter(reference)})))
    assert parameter_value(plain, child.ids["Parameter"]) == reference


def test_a_childs_reference_to_nothing_fails_the_stack(extended: Emulator) -> None:
    stack = extended.create(nested(extended, {"Parameter": parameter("{{resolve:ssm:/nothing/here}}")}))
    assert stack.status == "ROLLBACK_COMPLETE"
    assert "parameter /nothing/here not found" in stack.reasons[0]


def test_an_unchanged_resource_keeps_its_attributes(extended: Emulator) -> None:
    def resources(value: str) -> dict[str, Any]:
        arn = {"Fn::GetAtt": ["Queue", "Arn"]}
        return {"Queue": queue(), "Parameter": parameter(value), "Arn": parameter(arn)}

    outputs = {"Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}
    stack = extended.create(nested(extended, resources("before"), outputs))
    before = child_of(extended, stack)
    updated = extended.update(stack, nested(extended, resources("after"), outputs))
    after = child_of(extended, updated)
    assert (updated.status, after.status) == ("UPDATE_COMPLETE", "UPDATE_COMPLETE")
    assert after.ids == before.ids
    assert after.outputs == before.outputs
    assert parameter_value(extended, after.ids["Parameter"]) == "after"


def test_ministack_alone_loses_them(plain: Emulator) -> None:
    """The day that this fails, the extension has one defect less to fix."""
    outputs = {"Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}
    stack = plain.create(nested(plain, {"Queue": queue(), "Parameter": parameter("before")}, outputs))
    updated = plain.update(stack, nested(plain, {"Queue": queue(), "Parameter": parameter("after")}, outputs))
    assert updated.status == "UPDATE_ROLLBACK_FAILED"


def test_an_update_keeps_the_secret_that_was_resolved(extended: Emulator) -> None:
    """A secret is read again once the resource's own template changes, as on AWS."""
    arn = secret_made(extended, "first")
    reference = f"{{{{resolve:secretsmanager:{arn}}}}}"

    def resources(other: str, description: str) -> dict[str, Any]:
        return {"Secret": parameter(reference, Description=description), "Other": parameter(other)}

    stack = extended.create(nested(extended, resources("a", "a")))
    extended.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="second")
    name = child_of(extended, stack).ids["Secret"]
    stack = extended.update(stack, nested(extended, resources("b", "a")))
    assert stack.status == "UPDATE_COMPLETE"
    assert parameter_value(extended, name) == "first"
    stack = extended.update(stack, nested(extended, resources("b", "b")))
    assert stack.status == "UPDATE_COMPLETE"
    assert parameter_value(extended, name) == "second"


def test_an_update_reads_a_parameter_anew(extended: Emulator) -> None:
    source = f"/source/{uuid4().hex[:8]}"
    ssm = extended.client("ssm")
    ssm.put_parameter(Name=source, Value="first", Type="String")

    def resources(other: str) -> dict[str, Any]:
        return {"Copy": parameter(f"{{{{resolve:ssm:{source}}}}}"), "Other": parameter(other)}

    stack = extended.create(nested(extended, resources("a")))
    ssm.put_parameter(Name=source, Value="second", Type="String", Overwrite=True)
    name = child_of(extended, stack).ids["Copy"]
    assert parameter_value(extended, name) == "first"
    updated = extended.update(stack, nested(extended, resources("b")))
    assert updated.status == "UPDATE_COMPLETE"
    assert parameter_value(extended, name) == "second"


def test_a_child_goes_with_what_it_has(extended: Emulator) -> None:
    source = f"/source/{uuid4().hex[:8]}"
    ssm = extended.client("ssm")
    ssm.put_parameter(Name=source, Value="a", Type="String")
    stack = extended.create(nested(extended, {"Copy": parameter(f"{{{{resolve:ssm:{source}}}}}")}))
    name = child_of(extended, stack).ids["Copy"]
    extended.delete(stack)
    assert {item["Name"] for item in ssm.describe_parameters()["Parameters"]} & {name, source} == {source}


def test_a_childs_task_definition_arrives_whole(extended: Emulator) -> None:
    container = {"Name": "main", "Image": "a", "Secrets": [{"Name": "A", "ValueFrom": {"Ref": "Secret"}}]}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "a"}}
    child = child_of(extended, extended.create(nested(extended, {"Task": task, "Secret": secret})))
    found = extended.task_definition(child.ids["Task"])["containerDefinitions"][0]
    assert found["secrets"] == [{"name": "A", "valueFrom": child.ids["Secret"]}]


def test_a_deletion_keeps_what_a_child_retains(extended: Emulator) -> None:
    """The parent is gone, and of the child only the resource with DeletionPolicy Retain is left."""
    kept = {**queue(), "DeletionPolicy": "Retain"}
    stack = extended.create(nested(extended, {"Kept": kept, "Queue": queue()}))
    child = child_of(extended, stack)
    assert extended.delete(stack) == "DELETE_COMPLETE"
    assert queues(extended) & {name_of(each) for each in child.ids.values()} == {name_of(child.ids["Kept"])}
    assert events(extended, child, "Kept")[-1] == "DELETE_SKIPPED"
    assert extended.stack(child.name).status == "DELETE_COMPLETE"


def test_ministack_alone_deletes_what_a_child_retains(plain: Emulator) -> None:
    """The day that this fails, the extension has one defect less to fix."""
    stack = plain.create(nested(plain, {"Kept": {**queue(), "DeletionPolicy": "Retain"}}))
    child = child_of(plain, stack)
    plain.delete(stack)
    assert name_of(child.ids["Kept"]) not in queues(plain)


def test_a_deletion_that_fails_in_a_child_fails(extended: Emulator) -> None:
    """A repository with an image cannot be deleted; a second deletion succeeds once it is empty."""
    repository = {"Type": "AWS::ECR::Repository"}
    stack = extended.create(nested(extended, {"Repository": repository, "Queue": queue()}))
    child = child_of(extended, stack)
    ecr, name = extended.client("ecr"), child.ids["Repository"]
    ecr.put_image(repositoryName=name, imageTag="1", imageManifest=json.dumps(MANIFEST))
    assert extended.delete(stack) == "DELETE_FAILED"
    assert extended.stack(child.name).status == "DELETE_FAILED"
    assert name_of(child.ids["Queue"]) not in queues(extended)
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "1"}])
    assert extended.delete(stack) == "DELETE_COMPLETE"


def test_a_child_that_fails_leaves_nothing(extended: Emulator) -> None:
    """A rollback of the parent deletes what the child has created, except what it retains."""
    before = queues(extended)
    name = f"kept-{uuid4().hex[:8]}"
    kept = {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain", "Properties": {"QueueName": name}}
    failing = {**parameter("{{resolve:ssm:/nothing/here}}"), "DependsOn": ["Kept", "Queue", "Created"]}
    created = {**queue(), "DeletionPolicy": "RetainExceptOnCreate"}
    stack = extended.create(nested(extended, {"Kept": kept, "Queue": queue(), "Created": created, "Failing": failing}))
    assert stack.status == "ROLLBACK_COMPLETE"
    assert queues(extended) - before == {name}


def queues(emulator: Emulator) -> set[str]:
    """Return the names of all queues."""
    return {name_of(url) for url in emulator.client("sqs").list_queues().get("QueueUrls", [])}


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def events(emulator: Emulator, stack: Stack, logical_id: str) -> list[str]:
    """Return the statuses of a resource, the first one first."""
    found = emulator.client("cloudformation").describe_stack_events(StackName=stack.name)["StackEvents"]
    return [each["ResourceStatus"] for each in reversed(found) if each["LogicalResourceId"] == logical_id]
