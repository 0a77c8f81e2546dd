# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSM parameters with the values that are wanted: what differs is put, and nothing else.

See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.secret_value import generated, secret_value
from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

SECURE, TEXT = "SecureString", "String"
DEFAULT_KEY = "alias/aws/ssm"
# The tag of each parameter that is put here, and its value where no deploy makes the parameter's value again.
SOURCE_TAG, GENERATED, DESCRIBED = "gantry.ecs/source", "generated", "described"
# Characters of a parameter of the standard tier, and names of a request:
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
LONGEST_VALUE = 4096
MOST_NAMES = 10
ARN = "arn:"


@dataclass(frozen=True)
class Wanted:
    """A parameter as it has to be; exactly one of value, secret and length is set.

    Attributes:
        name: below the path.
        type: SecureString or String.
        description: what it is for.
        key: ARN of the KMS key that encrypts a SecureString; empty for that of SSM.
        value: its value; None for another source.
        secret: ARN of the secret whose value it has; empty for another source.
        json_key: key of the JSON object that the secret is; empty for its whole text.
        length: characters of a generated value; 0 for another source.
    """

    name: str
    type: str = SECURE
    description: str = ""
    key: str = ""
    value: str | None = None
    secret: str = ""
    json_key: str = ""
    length: int = 0

    @property
    def key_id(self) -> str:
        """The key that a SecureString has; empty for a String."""
        return (self.key or DEFAULT_KEY) if self.type == SECURE else ""

    @property
    def source(self) -> str:
        """Where its value comes from, in words."""
        if self.secret:
            return f"{self.secret}#{self.json_key}" if self.json_key else self.secret
        return f"{self.length} generated characters" if self.length else "its value"


class Change(NamedTuple):
    """What is put of a parameter.

    Attributes:
        kind: create, value, key, description or tags; of several the first.
        value: the wanted value; None where a check cannot know it.
    """

    kind: str
    value: str | None = None


@dataclass(frozen=True)
class Applied:
    """A parameter after a call.

    Attributes:
        name: below the path.
        arn: its ARN; empty where it does not exist yet.
        change: what was put, or would be; empty for nothing.
    """

    name: str
    arn: str
    change: str


class ParameterStore:
    """The parameters below a path.

    Args:
        client: returns a boto3 client of a service.
        path: of the parameters, such as "/shop/dev".
        tags: of each parameter.
        is_check: return what would change, and change nothing.
        hide: called with each value that is read or generated.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        path: str,
        tags: Mapping[str, str],
        is_check: bool = False,
        hide: Callable[[str], None] = lambda _value: None,
    ) -> None:
        self._client, self._path, self._tags, self._is_check, self._hide = client, path, tags, is_check, hide

    def apply(self, wanted: Sequence[Wanted], renew: Collection[str] = ()) -> list[Applied]:
        """Put what differs.

        Args:
            wanted: the parameters.
            renew: names of parameters with a generated value that get a new one.

        Raises:
            ProblemError: a secret has no value, or a parameter cannot have the value or the type.
            botocore.exceptions.BotoCoreError, ClientError: a request failed.
        """
        described, names = self._described(), [each.name for each in wanted]
        held = {self._short(each["Name"]): str(each["Value"]) for each in self._read(names, is_decrypted=True)}
        for value in held.values():
            self._hide(value)
        changes = {
            each.name: self._change(each, described.get(each.name), held.get(each.name), each.name in renew)
            for each in wanted
        }
        if not self._is_check:
            for each in wanted:
                if change := changes[each.name]:
                    self._put(each, change)
        arns = {self._short(each["Name"]): str(each["ARN"]) for each in self._read(names, is_decrypted=False)}
        kinds = {name: change.kind if change else "" for name, change in changes.items()}
        return [Applied(name, arns.get(name, ""), kinds[name]) for name in names]

    def left(self, wanted: Sequence[Wanted]) -> list[str]:
        """Return the names of the SecureStrings one level below the path that are not wanted."""
        names = {each.name for each in wanted}
        return sorted(name for name, each in self._described().items() if each["Type"] == SECURE and name not in names)

    def _described(self) -> dict[str, Mapping[str, Any]]:
        """Return the metadata of the parameters one level below the path, by name."""
        below = [{"Key": "Path", "Option": "OneLevel", "Values": [self._path]}]
        pages = self._client("ssm").get_paginator("describe_parameters").paginate(ParameterFilters=below)
        found = {self._short(each["Name"]): each for page in pages for each in page["Parameters"]}
        return {name: each for name, each in found.items() if "/" not in name}

    def _short(self, name: str) -> str:
        return name.removeprefix(f"{self._path}/")

    def _read(self, names: Sequence[str], is_decrypted: bool) -> Iterator[Mapping[str, Any]]:
        for start in range(0, len(names), MOST_NAMES):
            full = [f"{self._path}/{name}" for name in names[start : start + MOST_NAMES]]
            yield from self._client("ssm").get_parameters(Names=full, WithDecryption=is_decrypted)["Parameters"]

    def _change(
        self, wanted: Wanted, found: Mapping[str, Any] | None, held: str | None, is_renewed: bool
    ) -> Change | None:
        if found and found["Type"] != wanted.type:
            what = f"SSM parameter {self._path}/{wanted.name} is of type {found['Type']}, and {wanted.type} is wanted"
            raise ProblemError(Problem("type", what, "delete it, or give the other one another name"))
        value = self._value(wanted, None if is_renewed else held)
        if held is None:
            return Change("create", value)
        if value != held:
            return Change("value", value)
        if found and not same_key(str(found.get("KeyId") or ""), wanted.key_id):
            return Change("key", value)
        if found and wanted.description and found.get("Description") != wanted.description:
            return Change("description", value)
        return Change("tags", value) if self._missing_tags(wanted) else None

    def _value(self, wanted: Wanted, held: str | None) -> str | None:
        """Return the value that a parameter has to have; None where a check cannot know it."""
        if wanted.length:
            value = held or generated(wanted.length)
        elif not wanted.secret:
            value = str(wanted.value)
        elif self._is_check and not wanted.secret.startswith(ARN):
            return None
        else:
            try:
                value = secret_value(self._client("secretsmanager"), wanted.secret, wanted.json_key)
            except ProblemError as error:
                if self._is_check and error.problems[0].kind == "no_value":
                    return None
                raise
        if wanted.secret or wanted.length:
            self._hide(value)
        if len(value) > LONGEST_VALUE:
            what = f"the value of parameter {wanted.name} has {len(value)} characters, and {LONGEST_VALUE} are the most"
            raise ProblemError(Problem("length", what, "shorten it, or use the secret itself"))
        return value

    def _all_tags(self, wanted: Wanted) -> dict[str, str]:
        return {**self._tags, SOURCE_TAG: GENERATED if wanted.length else DESCRIBED}

    def _missing_tags(self, wanted: Wanted) -> dict[str, str]:
        request = {"ResourceType": "Parameter", "ResourceId": f"{self._path}/{wanted.name}"}
        held = tag_map(self._client("ssm").list_tags_for_resource(**request)["TagList"])
        return {key: value for key, value in self._all_tags(wanted).items() if held.get(key) != value}

    def _put(self, wanted: Wanted, change: Change) -> None:
        client, name = self._client("ssm"), f"{self._path}/{wanted.name}"
        request = {
            "Name": name,
            "Value": change.value,
            "Type": wanted.type,
            **({"Description": wanted.description} if wanted.description else {}),
            **({"KeyId": wanted.key} if wanted.key else {}),
        }
        if change.kind == "create":
            try:
                # Only the request that creates a parameter takes tags.
                client.put_parameter(**request, Tags=_tag_list(self._all_tags(wanted)))
            except ClientError as error:
                # Of two deploys at the same time the value of the first one stays.
                if error_code(error) != "ParameterAlreadyExists":
                    raise
            return
        if change.kind != "tags":
            client.put_parameter(**request, Overwrite=True)
        if missing := self._missing_tags(wanted):
            client.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=_tag_list(missing))


def same_key(one: str, other: str) -> bool:
    """Return whether two ids are those of one KMS key: by ARN, by alias, or by the id that ends its ARN."""
    return one == other or (":key/" in one + other and one.rpartition("/")[2] == other.rpartition("/")[2])


def texts(wanted: Sequence[Wanted], applied: Sequence[Applied]) -> tuple[str, str]:
    """Describe the parameters before and after a call, a line each, without values."""
    before, after = [], []
    for each, one in zip(wanted, applied, strict=True):
        line = f"{each.name}: {each.type} from {each.source}"
        if one.change != "create":
            before.append(line)
        after.append(f"{line} (another {one.change})" if one.change not in ("", "create") else line)
    return "".join(f"{line}\n" for line in before), "".join(f"{line}\n" for line in after)


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
