# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the keys, secrets and databases of any system."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import logical_id
from template_case import Case, Found, as_list, walk


def keys_rotate_and_serve_services_alone(case: Case) -> Found:
    """A key rotates, its policy admits the account alone, and nobody encrypts with it but by way of a service."""
    for component, name, properties in case.resources("AWS::KMS::Key"):
        if properties.get("EnableKeyRotation") is not True:
            yield f"{component}: {name} does not rotate"
        for statement in properties["KeyPolicy"]["Statement"]:
            if statement["Principal"] != {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}:
                yield f"{component}: {name} admits {statement['Principal']}"
            encrypts = any(word in action for action in statement["Action"] for word in ("crypt", "DataKey", "Grant"))
            is_revoked = statement["Action"].count("kms:RevokeGrant")
            if encrypts and not is_revoked and "kms:ViaService" not in _equals(statement):
                yield f"{component}: {name} lets callers encrypt by themselves"
            if "kms:*" in statement["Action"]:
                yield f"{component}: {name} permits everything"
    aliases = {case.value(where, each["TargetKeyId"]) for where, _id, each in case.resources("AWS::KMS::Alias")}
    if aliases != {f"keys:{logical_id(name)}Key" for name in case.description["keys"]}:
        yield f"{aliases} are not the aliases of the keys"


def _equals(statement: dict[str, Any]) -> dict[str, Any]:
    found = statement.get("Condition", {}).get("StringEquals", {})
    assert isinstance(found, dict)
    return found


def data_has_the_key_of_its_description(case: Case) -> Found:
    """A secret and a cluster are encrypted with the key that the description names, and with no other."""
    for component, name, properties in case.resources("AWS::SecretsManager::Secret", "AWS::RDS::DBCluster"):
        if component == "secrets":
            found = {f"{logical_id(each)}Secret": one for each, one in case.description["secrets"].items()}
            section = found[name]
        else:
            section = case.description["databases"][component.removeprefix("database-")]
        wanted = f"keys.{logical_id(section['key'])}KeyArn" if "key" in section else section.get("key_arn", "")
        if case.value(component, properties.get("KmsKeyId", "")) != wanted:
            yield f"{component}: {name} has not the key {wanted!r}"


def values_of_containers_are_whole_or_a_key(case: Case) -> Found:
    """A value from a JSON object names a key that it has, one from a plain text names none, and the role covers it."""
    for component, container in case.containers():
        for each in container.get("Secrets", []):
            text = case.value(component, each["ValueFrom"])
            arn, keys = text[: -len("::")].rsplit(":", 1) if text.endswith("::") else (text, "")
            known = _keys_of(case, arn)
            if known is not None and (keys or None) not in (known or {None}):
                yield f"{component}: {each['Name']} takes {keys!r} of {known}"
            granted = [one for one in case.statements(component, "ExecutionRole") if arn in one["Resource"]]
            if not any({"secretsmanager:GetSecretValue", "ssm:GetParameters"} & set(one["Action"]) for one in granted):
                yield f"{component}: nothing permits {arn}"


def _keys_of(case: Case, arn: str) -> set[str] | None:
    """Return the keys of a secret's JSON object, none of a plain text; None where nobody knows its form."""
    source, _dot, _output = arn.partition(".")
    if source.startswith("database-"):
        generated = case.properties(source, "Secret")["GenerateSecretString"]
        return {*json.loads(generated["SecretStringTemplate"]), generated["GenerateStringKey"]}
    for name, secret in case.description["secrets"].items():
        if arn == f"secrets.{logical_id(name)}Arn":
            generated = case.properties("secrets", f"{logical_id(name)}Secret").get("GenerateSecretString")
            if generated is None:
                return None
            own = secret.get("json_key")
            if (generated.get("GenerateStringKey") or None) != own:
                return {f"not {own}"}
            return {own} if own else set()
    return None


def databases_are_reached_by_their_proxy(case: Case) -> Found:
    """Tasks get the host of the proxy where there is one, which requires TLS and reads the login of its database."""
    for name, database in case.description["databases"].items():
        component = f"database-{name}"
        outputs = case.templates[component]["Outputs"]
        resources = case.templates[component]["Resources"]
        host = case.value(component, outputs["Endpoint"]["Value"])
        wanted = "Proxy.Endpoint" if database["proxy"] else "Cluster.Endpoint.Address"
        if host != f"{component}:{wanted}":
            yield f"{component} gives the host {host}"
        if ("Proxy" in resources) != database["proxy"]:
            yield f"{component} has {'no' if database['proxy'] else 'a'} proxy"
        settings = case.properties(component, "ParameterGroup")["Parameters"]
        if settings.get("require_secure_transport") != "ON":
            yield f"{component} takes connections without TLS"
        if database["proxy"]:
            yield from _proxy(case, component)
    for component, _name, workload in case.workloads():
        main = case.properties(component, "TaskDefinition")["ContainerDefinitions"][0]
        variables = {each["Name"]: case.value(component, each["Value"]) for each in main["Environment"]}
        for name in (name for name, words in workload["uses"].items() if "connect" in words):
            start, source = name.upper().replace("-", "_"), f"database-{name}"
            given = [variables.get(f"{start}_DATABASE_{each}") for each in ("HOST", "PORT", "NAME")]
            if given != [f"{source}.Endpoint", f"{source}.Port", f"{source}.DatabaseName"]:
                yield f"{component} gets {given} of {source}"


def _proxy(case: Case, component: str) -> Found:
    proxy, targets = case.properties(component, "Proxy"), case.properties(component, "ProxyTargets")
    if proxy["RequireTLS"] is not True or [each["SecretArn"] for each in proxy["Auth"]] != [{"Ref": "Secret"}]:
        yield f"{component}: its proxy is open, or has another login"
    if targets["DBClusterIdentifiers"] != [{"Ref": "Cluster"}] or targets["DBProxyName"] != {"Ref": "Proxy"}:
        yield f"{component}: its proxy leads elsewhere"
    for statement in case.statements(component, "ProxyRole"):
        reads_login = statement["Resource"] == [f"{component}:Secret"]
        decrypts_it = statement["Action"] == ["kms:Decrypt"] and "kms:ViaService" in _equals(statement)
        if not (reads_login or decrypts_it):
            yield f"{component}: its proxy may {statement['Action']}"


def databases_are_private_and_kept(case: Case) -> Found:
    """A database is in private subnets, has backups and its described capacity, and its logs a retention."""
    for name, database in case.description["databases"].items():
        component = f"database-{name}"
        cluster = case.properties(component, "Cluster")
        scaling = cluster["ServerlessV2ScalingConfiguration"]
        if {"min": scaling["MinCapacity"], "max": scaling["MaxCapacity"]} != database["capacity"]:
            yield f"{component} scales {scaling}"
        if cluster["BackupRetentionPeriod"] != database["backup_retention_days"]:
            yield f"{component} keeps backups for {cluster['BackupRetentionPeriod']} days"
        if cluster["DeletionProtection"] != database["deletion_protection"] or not cluster.get("CopyTagsToSnapshot"):
            yield f"{component}: its deletion"
        group = case.value(component, as_list(cluster["VpcSecurityGroupIds"])[0])
        if group != f"security-groups.{logical_id('database', name)}":
            yield f"{component} is in group {group}"
        subnets = case.properties(component, "SubnetGroup")["SubnetIds"]
        if case.value(component, subnets) != "network.PrivateSubnetIds":
            yield f"{component} is in other subnets"
        instances = [each for where, _id, each in case.resources("AWS::RDS::DBInstance") if where == component]
        if len(instances) != database["instances"] or any(each["PubliclyAccessible"] for each in instances):
            yield f"{component} has {len(instances)} instances, or public ones"
        names = {
            each["LogGroupName"]["Fn::Sub"].rpartition("/")[2]
            for where, _id, each in case.resources("AWS::Logs::LogGroup")
            if where == component
        }
        if not set(cluster["EnableCloudwatchLogsExports"]) <= names:
            yield f"{component} exports logs without a log group"
        if any("MasterUserPassword" in node and _is_plain(node) for node in walk(cluster) if isinstance(node, dict)):
            yield f"{component} has a password in plain text"


def _is_plain(node: dict[str, Any]) -> bool:
    return "resolve:secretsmanager:" not in str(node["MasterUserPassword"])


EVERY_DATA = (
    keys_rotate_and_serve_services_alone,
    data_has_the_key_of_its_description,
    values_of_containers_are_whole_or_a_key,
    databases_are_reached_by_their_proxy,
    databases_are_private_and_kept,
)
