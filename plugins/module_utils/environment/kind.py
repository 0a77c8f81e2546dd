# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of resource defines: how it is found, what protects it, how it is removed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import PROTECTIONS, Resource

# The state of a resource for which AWS reports none.
PRESENT = "there"
# The protection of data that no deploy makes again.
IRREPLACEABLE = "irreplaceable"
# The templates' parameters with this prefix keep data when the stack is deleted.
RETAIN_PREFIX = "Retain"


class Kind(ABC):
    """A kind of resource.

    Args:
        client: returns a boto3 client of a service.

    Attributes:
        name: the value of ``kind`` in a resource, such as "log_group".
        label: the kind's name in messages, such as "log group".
        protections: the keys of `PROTECTIONS` that a resource of this kind may have.
        holds_data: whether a protected resource is deleted only after the user names it.
        is_required: whether a survey fails where the caller lacks the permission to list this kind.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    protections: ClassVar[tuple[str, ...]] = ()
    holds_data: ClassVar[bool] = False
    is_required: ClassVar[bool] = False

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    @abstractmethod
    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the environment's resources of this kind.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: a request failed.
        """

    def resource(
        self,
        name: str,
        id_: str,
        stack: Resource | None = None,
        state: str | None = None,
        protections: Sequence[str] = (),
        detail: str = "",
    ) -> Resource:
        """Return a resource of this kind; its line is "label name (state, detail; protections)"."""
        described = ", ".join(part for part in (state, detail) if part)
        protected = ", ".join(PROTECTIONS[each] for each in protections)
        inner = "; ".join(part for part in (described, protected) if part)
        return {
            "kind": self.name,
            "name": name,
            "id": id_,
            "stack": stack["name"] if stack else None,
            "state": state,
            "protections": list(protections),
            "line": f"{self.label} {name}" + (f" ({inner})" if inner else ""),
        }


def retention(stack: Resource | None) -> list[str]:
    """Return what keeps a resource when its stack is deleted, by the parameters of the stack.

    Args:
        stack: the stack that holds the resource; None where the stack was deleted.

    Returns:
        "retained" where the stack keeps the resource, "left_behind" where a deleted stack has kept it.
    """
    if stack is None:
        return ["left_behind"]
    values = [value for key, value in stack.get("parameters", {}).items() if key.startswith(RETAIN_PREFIX)]
    return ["retained"] if "true" in values else []


def is_described(account: Account, component: str, type_: str) -> bool:
    """Return whether an environment can have resources of a type: else its callers need no permission to list them.

    Args:
        account: the environment's names and stacks.
        component: the component that a description renders for them.
        type_: their type in CloudFormation.
    """
    return component in account.names.components or bool(account.held(type_))


class Changeable(Kind):
    """A kind whose resources the module environment_resource changes.

    Attributes:
        settled: the states in which AWS accepts a change; empty where it accepts one in any state.
    """

    settled: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def state(self, id_: str) -> str | None:
        """Return a resource's state, `PRESENT` where AWS reports none; None where it does not exist."""


class Removable(Changeable):
    """A kind whose resources the module environment_resource removes."""

    @abstractmethod
    def remove(self, id_: str) -> None:
        """Request the removal of a resource; it is complete when `state` returns None."""


class Protectable(Changeable):
    """A kind whose protection the module environment_resource turns off.

    Attributes:
        protection: the key of `PROTECTIONS` that it turns off.
    """

    protection: ClassVar[str]

    @abstractmethod
    def is_protected(self, id_: str) -> bool:
        """Return whether the protection is on; False where it does not exist."""

    @abstractmethod
    def unprotect(self, id_: str) -> None:
        """Turn the protection off."""
