# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with secrets, parameters, databases and their keys, and with how tasks use them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import (
    Reference,
    reference,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.secrets import is_created
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.references import (
    Pseudo,
    malformed,
    pieces,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path, unknown
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Database,
    Secret,
    Sections,
    SecureParameter,
)

SOURCES = ("value", "secret", "generate")
# Keys in the secret of a database, without those that every container has as variables.
LOGIN = ("username", "password")
# What a task does with what it uses, by section; the noun of one.
WORDS: Mapping[str, tuple[str, Sequence[str]]] = {
    "queues": ("queue", ("send", "receive")),
    "secrets": ("secret", ("read", "write")),
    "databases": ("database", ("connect",)),
    "components": ("table", ("read", "write")),
}
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.Aurora_Fea_Regions_DB-eng.Feature.ServerlessV2.html
SERVERLESS, PAUSING = (3, 2), (3, 8)


def data(sections: Sections) -> Iterator[Finding]:
    """Yield what is wrong with secrets, parameters and databases."""
    for name, secret in sections["secrets"].items():
        yield from _key(("secrets", name), secret.get("key"), sections)
        yield from _secret(("secrets", name), secret)
    for name, parameter in sections["parameters"].items():
        yield from _key(("parameters", name), parameter.get("key"), sections)
        yield from _parameter(("parameters", name), parameter, sections)
    for name, database in sections["databases"].items():
        yield from _key(("databases", name), database.get("key"), sections)
        yield from _database(("databases", name), database)


def value_from(at: Path, text: str, sections: Sections) -> Iterator[Finding]:
    """Yield what is wrong with a reference to a secret, a parameter or the login of a database."""
    named = reference(text)
    noun = named.section.removesuffix("s")
    yield from unknown(at, named.name, sections[named.section], noun, named.section)
    if named.name not in sections[named.section]:
        return
    if named.section == "databases":
        if named.key not in LOGIN:
            choice = " or ".join(f"database:{named.name}#{key}" for key in LOGIN)
            yield Finding(at, f"is {text}, which is no login", f"write {choice}")
    elif named.is_parameter(sections):
        if named.key:
            what = f"is {text}, and the SSM parameter of {named.name} has no keys"
            remedy = f"write {text.partition('#')[0]}, or take a secret of Secrets Manager"
            yield Finding(at, what, remedy)
    else:
        yield from _json(at, text, named, sections["secrets"][named.name])


def use(at: Path, words: Sequence[str], sections: Sections, components: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with what a task uses; the last key of ``at`` is its name.

    Args:
        at: path of the name.
        words: what the task does with it.
        sections: the description.
        components: names of its components.
    """
    name = str(at[-1])
    known = {section: components if section == "components" else sections[section] for section in WORDS}  # type: ignore[literal-required]
    found = [section for section in WORDS if name in known[section]]
    if not found:
        remedy = f"take one of {', '.join(each for section in WORDS for each in known[section])}"
        yield Finding(at, "is no queue, secret or database, and no component", remedy)
        return
    noun, fitting = WORDS[found[0]]
    if len(found) > 1:
        what = f"is in {found[0]} and in {found[1]}, and a task uses one of them"
        yield Finding(at, what, "give one of them another name")
    elif wrong := [word for word in words if word not in fitting]:
        what = f"has {wrong[0]}, which a task cannot do with a {noun}"
        yield Finding(at, what, f"take {' or '.join(fitting)}")
    elif name in sections["secrets"] and "parameter_arn" in sections["secrets"][name]:
        what = "is an SSM parameter, which no task uses as a secret of Secrets Manager"
        yield Finding(at, what, "name it in secrets of the container")


def _key(at: Path, key: str | None, sections: Sections) -> Iterator[Finding]:
    if key is not None:
        yield from unknown((*at, "key"), key, sections["keys"], "key", "keys")


def _secret(at: Path, secret: Secret) -> Iterator[Finding]:
    if len(secret.keys() & {"generate", "arn", "parameter_arn"}) > 1:
        yield Finding(at, "has two sources", "keep one of generate, arn and parameter_arn")
    elif "key" in secret and not is_created(secret):
        yield Finding((*at, "key"), "has no effect on a secret that exists", "remove it, or take key_arn")
    elif "key" in secret and "key_arn" in secret:
        yield Finding((*at, "key"), "is beside key_arn", "keep one of them")


def _json(at: Path, text: str, named: Reference, secret: Secret) -> Iterator[Finding]:
    """Yield a container that gets a JSON object for its value, or a key that no value has."""
    own = secret.get("json_key", "")
    if own and not named.key:
        what = f"is {text}, which is a JSON object as a whole"
        yield Finding(at, what, f"write {text}#{own}")
    elif own and named.key != own:
        yield Finding(at, f"is {text}, and the key of {named.name} is {own}", f"write {named.name}#{own}")
    elif named.key and not own and "generate" in secret:
        what = f"is {text}, and the generated value of {named.name} has no keys"
        yield Finding(at, what, f"write {named.name}, or add json_key: {named.key} to the secret")


def _parameter(at: Path, parameter: SecureParameter, sections: Sections) -> Iterator[Finding]:
    sources = [each for each in SOURCES if each in parameter]
    if len(sources) != 1:
        what, verb = (f"has {' and '.join(sources)}", "keep one of") if sources else ("has no source", "add one of")
        yield Finding(at, what, f"{verb} value, secret and generate")
    value = parameter.get("value", "")
    if malformed(value):
        remedy = "write ${component.Output}, or ${! in place of ${ for the text itself"
        yield Finding((*at, "value"), "has a ${ that starts no output of a component", remedy)
    for each in dict.fromkeys(each for each in pieces(value) if isinstance(each, Pseudo)):
        what = f"has ${{{each.name}}}, which CloudFormation replaces in templates alone, and no template has this value"
        yield Finding((*at, "value"), what, "write the text itself, for each environment in its inventory")
    if "secret" in parameter:
        where, text = (*at, "secret"), parameter["secret"]
        yield from value_from(where, text, sections)
        named = reference(text)
        if named.section == "secrets" and "parameter_arn" in sections["secrets"].get(named.name, {}):
            what = f"is {text}, which is an SSM parameter itself"
            yield Finding(where, what, f"name {text} in secrets of the container, and remove the parameter")


def _database(at: Path, database: Database) -> Iterator[Finding]:
    name, capacity = str(at[-1]), database["capacity"]
    if "--" in name or name.endswith("-"):
        what = "has two hyphens in a row or one at its end, which RDS refuses in a name"
        yield Finding(at, what, f"write {re.sub('-+', '-', name).removesuffix('-')}")
    if capacity["min"] > capacity["max"]:
        where = (*at, "capacity", "min")
        yield Finding(where, f"is {capacity['min']:g}, more than max", f"take {capacity['max']:g} at most")
    version = _aurora_version(database["engine_version"])
    if version < SERVERLESS:
        what = f"is {database['engine_version']}, which has no Serverless v2"
        yield Finding((*at, "engine_version"), what, "take 8.0.mysql_aurora.3.02.0 or a later one")
    elif capacity["min"] == 0 and version < PAUSING:
        what = f"is 0, and version {database['engine_version']} does not pause"
        remedy = "take 0.5, or engine_version 8.0.mysql_aurora.3.08.0 or a later one"
        yield Finding((*at, "capacity", "min"), what, remedy)
    elif capacity["min"] == 0 and database["proxy"]:
        what = "is 0, and the connections of the proxy keep the database from its pause"
        yield Finding((*at, "capacity", "min"), what, "take 0.5, or proxy: false")


def _aurora_version(text: str) -> tuple[int, int]:
    """Return the version of Aurora in that of an engine, such as 3.8 in 8.0.mysql_aurora.3.08.2; 0.0 without one."""
    found = re.fullmatch(r"\d+\.\d+\.mysql_aurora\.(\d+)\.(\d+)(\.\d+)*", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
