# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the secrets of a container refer to: a secret, an SSM parameter, or the login of a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.keys import encryption_key
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.secrets import secret_arn
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import Output, logical_id
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import DATABASE, PARAMETER, Sections

# The component with the SSM parameters, and the role that applies it.
PARAMETERS = "parameters"


class Reference(NamedTuple):
    """A value that a container gets as a secret.

    Attributes:
        section: the section of the description that has its name.
        name: its name.
        key: the key in a JSON object; empty where the whole value is meant.
    """

    section: Literal["secrets", "parameters", "databases"]
    name: str
    key: str = ""

    def is_parameter(self, sections: Sections) -> bool:
        """Return whether SSM holds the value; else Secrets Manager does."""
        return self.section == "parameters" or "parameter_arn" in self.described(sections)

    def arn(self, sections: Sections) -> Any:
        """Return the ARN of the secret or of the SSM parameter."""
        if self.section == "parameters":
            return parameter_arn(self.name)
        if self.section == "databases":
            return database_output(self.name, "SecretArn")
        return secret_arn(self.name, sections["secrets"][self.name])

    def encryption_key(self, sections: Sections) -> Any:
        """Return the ARN of the key that encrypts the value; None where AWS owns the key."""
        return encryption_key(self.described(sections))

    def described(self, sections: Sections) -> Mapping[str, Any]:
        """Return the value's own section."""
        return sections[self.section][self.name]


def reference(text: str) -> Reference:
    """Return what a text such as web#client_secret, parameter:admin or database:main#password refers to."""
    name, _hash, key = text.partition("#")
    if name.startswith(PARAMETER):
        return Reference("parameters", name.removeprefix(PARAMETER), key)
    if name.startswith(DATABASE):
        return Reference("databases", name.removeprefix(DATABASE), key)
    return Reference("secrets", name, key)


def parameter_arn(name: str) -> Output:
    """Return the ARN of an SSM parameter of the description."""
    return Output(PARAMETERS, f"{logical_id(name)}Arn")


def database_component(name: str) -> str:
    """Return the component of a database."""
    return f"database-{name}"


def database_output(name: str, output: str) -> Output:
    """Return an output of a database, such as Endpoint."""
    return Output(database_component(name), output)
