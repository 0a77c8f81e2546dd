# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules ``cfn_stack`` and ``cfn_stacks``: checked, and written as CloudFormation takes them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.values import text_of, texts_of

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_BYTES = 51_200
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+")

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# Options of one stack.
STACK_OPTIONS: dict[str, dict[str, Any]] = {
    "stack_name": {"type": "str", "required": True},
    "template_body": {"type": "str"},
    "parameters": {"type": "dict", "default": {}},
    "tags": {"type": "dict"},
    "termination_protection": {"type": "bool"},
    "stack_policy": {"type": "raw"},
    "operation": {"type": "str"},
    "expected_outputs": {"type": "dict", "default": {}},
}
# Options that all stacks of a set share, and that a stack of it may have of its own.
COMMON_OPTIONS: dict[str, dict[str, Any]] = {
    "owner": {"type": "dict"},
    "role_arn": {"type": "str"},
    "capabilities": {
        "type": "list",
        "elements": "str",
        "choices": CAPABILITIES,
        "default": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    },
}
# Options of a call.
CALL_OPTIONS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "settled", "absent"], "default": "present"},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
    "show": {"type": "str", "choices": ["events", "none"], "default": "events"},
    "_live": {"type": "path"},
}
# Those of COMMON_OPTIONS without their defaults: what a stack does not set is the set's.
OVERRIDES = {
    name: {key: value for key, value in spec.items() if key != "default"} for name, spec in COMMON_OPTIONS.items()
}


class StackRequestError(Exception):
    """A request that cannot be carried out.

    Attributes:
        problem: why, and what to change.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.line())
        self.problem = problem


def options_of(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the complete options of each stack of a set.

    Args:
        params: the options of the module ``cfn_stacks``.

    Raises:
        StackRequestError: the set is empty, names a stack twice, or holds one that ``check_request`` refuses.
    """
    stacks = params["stacks"]
    if not stacks:
        raise _invalid("stacks is empty", "name at least one stack")
    counts = Counter(one["stack_name"] for one in stacks)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise _invalid(f"stacks names {', '.join(twice)} more than once", "name each stack once")
    shared = {name: value for name, value in params.items() if name != "stacks"}
    complete = [
        shared | {name: value for name, value in one.items() if name in STACK_OPTIONS or value is not None}
        for one in stacks
    ]
    for options in complete:
        try:
            check_request(options)
        except StackRequestError as error:
            what = f"stack {options['stack_name']}: {error.problem.what}"
            raise StackRequestError(error.problem._replace(what=what)) from error
    return complete


def check_request(params: Mapping[str, Any]) -> None:
    """Check what the argument spec cannot.

    Args:
        params: the module's options.

    Raises:
        StackRequestError: an option is missing, or is none that CloudFormation takes.
    """
    name = params["stack_name"]
    if not NAME.fullmatch(name):
        raise _invalid(
            f'stack_name is "{name}"', "take letters, digits and hyphens, a letter first, 128 characters at most"
        )
    if params["wait_timeout"] < 1:
        raise _invalid(f"wait_timeout is {params['wait_timeout']}", "give at least 1 second")
    role = params.get("role_arn")
    if role and not ROLE_ARN.fullmatch(role):
        raise _invalid(
            f'role_arn is "{role}"', "give the ARN of a role, such as arn:aws:iam::123456789012:role/deploy, or none"
        )
    policy_text(params["stack_policy"])
    if params["state"] != "present":
        return
    body = params["template_body"]
    if not (body or "").strip():
        raise _invalid("state present needs template_body", "give the template's text")
    size = len(body.encode())
    if size > MOST_BYTES:
        raise _invalid(
            f"the template of stack {name} has {size:,} bytes, CloudFormation takes {MOST_BYTES:,}",
            "shorten it, or make two stacks of it",
        )
    parameter_strings(params["parameters"])
    tag_list(params.get("tags"))


def parameter_strings(parameters: Mapping[str, Any] | None) -> dict[str, str]:
    """Write each parameter's value as the string that CloudFormation expects.

    Args:
        parameters: values by parameter name; None for none.

    Returns:
        Strings by parameter name: truth values in lower case, lists joined with commas (CommaDelimitedList); what is
        None is left to the template's default. See
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html

    Raises:
        StackRequestError: a value is a dictionary, or a list with an item that is null, no plain value, or holds a
            comma.
    """
    return {name: _string(name, value) for name, value in (parameters or {}).items() if value is not None}


def tag_list(tags: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Write tags as CloudFormation expects them: truth values in lower case, numbers as text, none for None.

    Raises:
        StackRequestError: a value is a dictionary or a list.
    """
    for key, value in (tags or {}).items():
        if isinstance(value, Mapping | list | tuple):
            raise _invalid(f"tag {key} is a dictionary or a list", "give text, a number or a truth value")
    return [{"Key": key, "Value": value} for key, value in texts_of(tags).items()]


def service_role(params: Mapping[str, Any]) -> dict[str, str]:
    """Write the role with which CloudFormation acts as its calls take it.

    Args:
        params: the module's options.

    Returns:
        ``RoleARN`` alone, or nothing: CloudFormation then goes on with the role that the stack has, or with the
        caller's rights. See https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    """
    return {"RoleARN": params["role_arn"]} if params.get("role_arn") else {}


def policy_text(policy: Any) -> str | None:
    """Write a stack policy as JSON.

    Args:
        policy: a dictionary, or JSON text of one; None where it is to be left alone.

    Raises:
        StackRequestError: it is neither.
    """
    if policy is None:
        return None
    try:
        parsed = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError as error:
        raise _invalid(f"stack_policy is no JSON ({error})", "give a dictionary, or fix the text") from error
    if not isinstance(parsed, Mapping) or "Statement" not in parsed:
        raise _invalid('stack_policy has no "Statement"', 'give a policy such as {"Statement": [...]}')
    return json.dumps(parsed, sort_keys=True)


def _invalid(what: str, remedy: str) -> StackRequestError:
    return StackRequestError(Problem("request", what, remedy))


def _string(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        raise _invalid(f"parameter {name} is a dictionary", "give text, a number, a truth value or a list")
    if not isinstance(value, list | tuple):
        return text_of(value)
    if None in value:
        raise _invalid(f"parameter {name} has an item that is null", "give it a value, or leave it out")
    items = [text_of(item) for item in value]
    if any(isinstance(item, Mapping | list | tuple) for item in value) or any("," in item for item in items):
        raise _invalid(f"parameter {name} has an item that is a list or holds a comma", "give plain items")
    return ",".join(items)
