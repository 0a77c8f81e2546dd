# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes a template's nodes as CloudFormation does: conditions, functions, references, rules."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Parameters = Mapping[str, Any]
Resource = dict[str, Any]
_NO_VALUE = object()
# The property whose value Ref returns, by type; AWS names a resource without it, this module after its logical id.
_NAMED_BY = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SSM::Parameter": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Events::Rule": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::SQS::Queue": "QueueName",
}
# Attributes that are lists.
LISTS = {"NameServers"}
# ARNs by type, https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::ECR::Repository": "ecr:{region}:{account}:repository/{name}",
    "AWS::ECS::Cluster": "ecs:{region}:{account}:cluster/{name}",
    "AWS::ECS::TaskDefinition": "ecs:{region}:{account}:task-definition/{name}:1",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
}
_REF_IS_ARN = {
    "AWS::ECS::TaskDefinition",
    "AWS::IAM::ManagedPolicy",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
}


class TemplateError(Exception):
    """CloudFormation refuses the template, with these parameters or with any."""


def parameter_text(value: Any) -> str:
    """Return a parameter's value as role stack passes it: booleans in lower case, lists with commas."""
    if isinstance(value, list):
        return ",".join(parameter_text(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def refusal(definition: Mapping[str, Any], value: Any) -> str | None:
    """Return the constraint of a parameter that a value breaks, or None where CloudFormation accepts the value.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    text = parameter_text(value)
    if definition["Type"] in ("CommaDelimitedList",) or definition["Type"].startswith("List<"):
        texts = text.split(",") if text else []
    else:
        texts = [text]
    for one in texts:
        allowed = definition.get("AllowedValues", [one])
        if one not in map(parameter_text, allowed):
            return "AllowedValues"
        if "AllowedPattern" in definition and not re.fullmatch(definition["AllowedPattern"], one):
            return "AllowedPattern"
        if not int(definition.get("MinLength", 0)) <= len(one) <= int(definition.get("MaxLength", 1 << 30)):
            return "Length"
        if definition["Type"] == "Number":
            if not re.fullmatch(r"-?\d+(\.\d+)?", one):
                return "Type"
            if not float(definition.get("MinValue", "-inf")) <= float(one) <= float(definition.get("MaxValue", "inf")):
                return "Value"
    return None


class Evaluator:
    """Computes the nodes of one template."""

    def __init__(
        self, template: Mapping[str, Any], given: Parameters, region: str, account: str, partition: str
    ) -> None:
        self.template = template
        self.region, self.account, self.partition = region, account, partition
        self.known_conditions: dict[str, bool] = {}
        self.parameters = self._parameters(given)
        self.pseudo = {
            "AWS::Region": region,
            "AWS::AccountId": account,
            "AWS::Partition": partition,
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
            "AWS::StackName": "stack",
            "AWS::StackId": f"arn:{partition}:cloudformation:{region}:{account}:stack/stack/0",
            "AWS::NotificationARNs": [],
            "AWS::NoValue": _NO_VALUE,
        }
        self.functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self.ref,
            "Condition": self.condition,
            "Fn::GetAtt": self.get_att,
            "Fn::Sub": self.sub,
            "Fn::If": lambda node: self.value(node[1] if self.condition(node[0]) else node[2]),
            "Fn::Equals": lambda node: self.text(node[0]) == self.text(node[1]),
            "Fn::Not": lambda node: not self.truth(node[0]),
            "Fn::And": lambda node: all(self.truth(one) for one in node),
            "Fn::Or": lambda node: any(self.truth(one) for one in node),
            "Fn::Join": lambda node: self.text(node[0]).join(str(one) for one in self.items(node[1])),
            "Fn::Split": lambda node: self.text(node[1]).split(self.text(node[0])),
            "Fn::Select": self.select,
            "Fn::GetAZs": lambda node: [f"{self.text(node) or self.region}{zone}" for zone in "abc"],
            "Fn::Cidr": self.cidr,
            "Fn::Base64": lambda node: base64.b64encode(self.text(node).encode()).decode(),
            "Fn::FindInMap": self.find_in_map,
            "Fn::Length": lambda node: len(self.items(node)),
            "Fn::ToJsonString": lambda node: json.dumps(self.value(node), separators=(",", ":")),
            "Fn::Contains": lambda node: self.text(node[1]) in [parameter_text(one) for one in self.items(node[0])],
            "Fn::EachMemberIn": lambda node: set(self.items(node[0])) <= set(self.items(node[1])),
            "Fn::EachMemberEquals": lambda node: set(self.items(node[0])) <= {self.text(node[1])},
        }

    def _parameters(self, given: Parameters) -> dict[str, Any]:
        definitions = self.template.get("Parameters", {})
        if unknown := sorted(set(given) - set(definitions)):
            raise TemplateError(f"unknown parameters {unknown}")
        values: dict[str, Any] = {}
        for name, definition in definitions.items():
            value = given.get(name, definition.get("Default", _NO_VALUE))
            if value is _NO_VALUE:
                raise TemplateError(f"parameter {name} has no value")
            if broken := refusal(definition, value):
                raise TemplateError(f"parameter {name} may not be {parameter_text(value)!r} ({broken})")
            text = parameter_text(value)
            many = definition["Type"] == "CommaDelimitedList" or definition["Type"].startswith("List<")
            values[name] = (text.split(",") if text else []) if many else text
        return values

    def value(self, node: Any) -> Any:
        """Return a node computed; dictionaries and lists lose members that are AWS::NoValue."""
        if isinstance(node, dict):
            if len(node) == 1:
                ((name, argument),) = node.items()
                # The Condition of a policy is a dictionary, that of the function is a name.
                if name in self.functions and not (name == "Condition" and not isinstance(argument, str)):
                    return self.functions[name](argument)
                if str(name).startswith("Fn::"):
                    raise TemplateError(f"unknown function {name}")
            computed = {key: self.value(one) for key, one in node.items()}
            return {key: one for key, one in computed.items() if one is not _NO_VALUE}
        if isinstance(node, list):
            return [one for one in map(self.value, node) if one is not _NO_VALUE]
        return node

    def text(self, node: Any) -> str:
        return parameter_text(self.value(node))

    def items(self, node: Any) -> list[Any]:
        computed = self.value(node)
        if not isinstance(computed, list):
            raise TemplateError(f"a list is wanted, not {computed!r}")
        return computed

    def truth(self, node: Any) -> bool:
        computed = self.value(node)
        if not isinstance(computed, bool):
            raise TemplateError(f"a condition is wanted, not {computed!r}")
        return computed

    def condition(self, name: str) -> bool:
        """Return whether a named condition holds."""
        if name not in self.template.get("Conditions", {}):
            raise TemplateError(f"unknown condition {name}")
        if name not in self.known_conditions:
            self.known_conditions[name] = self.truth(self.template["Conditions"][name])
        return self.known_conditions[name]

    def exists(self, logical_id: str) -> bool:
        """Return whether a resource exists by its condition."""
        if logical_id not in self.template["Resources"]:
            raise TemplateError(f"unknown name {logical_id}")
        resource = self.template["Resources"][logical_id]
        return "Condition" not in resource or self.condition(resource["Condition"])

    def resource(self, logical_id: str) -> Resource:
        """Return a resource computed, without its condition."""
        resource = self.template["Resources"][logical_id]
        wanted = resource.get("DependsOn", [])
        for name in [wanted] if isinstance(wanted, str) else wanted:
            self.exists(name)
        return {key: self.value(node) for key, node in resource.items() if key != "Condition"}

    def broken_rules(self) -> dict[str, list[str]]:
        """Return, by the name of the rule, the descriptions of the assertions that do not hold."""
        broken: dict[str, list[str]] = {}
        for name, rule in self.template.get("Rules", {}).items():
            if "RuleCondition" in rule and not self.truth(rule["RuleCondition"]):
                continue
            for assertion in rule["Assertions"]:
                if not self.truth(assertion["Assert"]):
                    broken.setdefault(name, []).append(assertion["AssertDescription"])
        return broken

    def violations(self) -> list[str]:
        """Return the descriptions of the assertions of Rules that do not hold."""
        return [description for descriptions in self.broken_rules().values() for description in descriptions]

    def ref(self, name: str) -> Any:
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        return self.identity(name, arn=self.type_of(name) in _REF_IS_ARN)

    def type_of(self, logical_id: str) -> str:
        if not self.exists(logical_id):
            raise TemplateError(f"{logical_id} is referred to, but its condition leaves it out")
        return str(self.template["Resources"][logical_id]["Type"])

    def identity(self, logical_id: str, *, arn: bool) -> str:
        """Return a resource's name or ARN; a resource without a name gets one from its logical id."""
        type_ = self.type_of(logical_id)
        properties = self.template["Resources"][logical_id].get("Properties", {})
        name = self.value(properties.get(_NAMED_BY.get(type_, ""), logical_id))
        if not arn:
            return str(name)
        rest = _ARNS[type_].format(region=self.region, account=self.account, name=name)
        return f"arn:{self.partition}:{rest}"

    def get_att(self, node: Any) -> str | list[str]:
        logical_id, attribute = node.split(".", 1) if isinstance(node, str) else (node[0], ".".join(node[1:]))
        if attribute == "Arn" and self.type_of(logical_id) in _ARNS:
            return self.identity(logical_id, arn=True)
        text = f"{self.identity(logical_id, arn=False)}.{attribute}"
        return [text] if attribute in LISTS else text

    def sub(self, node: Any) -> str:
        text, own = (node, {}) if isinstance(node, str) else node

        def replace(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return self.text(own[name])
            return parameter_text(self.get_att(name) if "." in name else self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def select(self, node: Any) -> Any:
        index, items = int(self.text(node[0])), self.items(node[1])
        if not 0 <= index < len(items):
            raise TemplateError(f"item {index} is chosen of {len(items)}")
        return items[index]

    def cidr(self, node: Any) -> list[str]:
        block, count, bits = (*node, 8)[:3] if len(node) < 3 else node
        network = ipaddress.ip_network(self.text(block), strict=False)
        prefix = network.max_prefixlen - int(self.text(bits))
        count = int(self.text(count))
        if prefix < network.prefixlen or count > 1 << (prefix - network.prefixlen):
            raise TemplateError(f"{count} blocks of {bits} bits do not fit into {network}")
        subnets = network.subnets(new_prefix=prefix)
        return [str(next(subnets)) for index in range(count)]

    def find_in_map(self, node: Any) -> Any:
        found: Any = self.template.get("Mappings", {}).get(self.text(node[0]), {})
        for key in node[1:3]:
            found = found.get(self.text(key), {}) if isinstance(found, dict) else {}
        if found == {}:
            if len(node) > 3:
                return self.value(node[3]["DefaultValue"])
            raise TemplateError(f"nothing is mapped at {node}")
        return found
