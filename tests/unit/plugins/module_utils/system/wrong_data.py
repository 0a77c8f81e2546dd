# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions with a fault in their keys, secrets, parameters or databases, and their neighbours without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from system_strategies import EXISTING, KEY, PARAMETER
from wrong_descriptions import REMOVED, Sections, Wrong, web, worker

LONG = "d" * 24


def secret(**keys: Any) -> Sections:
    """Return a change of secret web, a JSON object with the key client_secret, encrypted with key data."""
    return {"secrets": {"web": keys}}


def parameter(**keys: Any) -> Sections:
    """Return a change of a parameter, which the small description does not have."""
    return {"parameters": {"url": keys}}


def database(**keys: Any) -> Sections:
    """Return a change of database main, which has a proxy."""
    return {"databases": {"main": keys}}


SECRETS = {
    "an unknown key of a secret": Wrong(
        secret(key="dta"),
        secret(key="data"),
        "secrets.web.key",
        "is 'dta', which is no key",
        "take one of data",
    ),
    "two keys of a secret": Wrong(
        secret(key_arn=KEY),
        secret(key=REMOVED),
        "secrets.web.key",
        "is beside key_arn",
        "keep one of them",
    ),
    "a key of a secret that exists": Wrong(
        {"secrets": {"key": {"arn": EXISTING, "key": "data"}}},
        {"secrets": {"key": {"key": REMOVED, "key_arn": KEY}}},
        "secrets.key.key",
        "has no effect on a secret that exists",
        "remove it, or take key_arn",
    ),
    "two sources of a secret": Wrong(
        {"secrets": {"key": {"arn": EXISTING, "generate": 32}}},
        {"secrets": {"key": {"generate": REMOVED}}},
        "secrets.key",
        "has two sources",
        "keep one of generate, arn and parameter_arn",
    ),
}
PARAMETERS = {
    "an unknown key of a parameter": Wrong(
        parameter(generate=32, key="dta"),
        parameter(key="data"),
        "parameters.url.key",
        "is 'dta', which is no key",
        "take one of data",
    ),
    "a parameter without a source": Wrong(
        parameter(description="where"),
        parameter(value="x"),
        "parameters.url",
        "has no source",
        "add one of value, secret and generate",
    ),
    "a parameter with two sources": Wrong(
        parameter(value="x", generate=32),
        parameter(value=REMOVED),
        "parameters.url",
        "has value and generate",
        "keep one of value, secret and generate",
    ),
    "a parameter of an unknown secret": Wrong(
        parameter(secret="wbe#client_secret"),
        parameter(secret="web#client_secret"),
        "parameters.url.secret",
        "is 'wbe', which is no secret",
        "take one of key, web",
    ),
    "a parameter of an SSM parameter": Wrong(
        {"secrets": {"given": {"parameter_arn": PARAMETER}}} | parameter(secret="given"),
        parameter(secret="database:main#password"),
        "parameters.url.secret",
        "is given, which is an SSM parameter itself",
        "name given in secrets of the container, and remove the parameter",
    ),
}
REFERENCES = {
    "a JSON object as a whole": Wrong(
        web(secrets={"CLIENT": "web"}),
        web(secrets={"CLIENT": "web#client_secret"}),
        "services.web.secrets.CLIENT",
        "is web, which is a JSON object as a whole",
        "write web#client_secret",
    ),
    "another key of a JSON object": Wrong(
        web(secrets={"CLIENT": "web#client"}),
        web(secrets={"CLIENT": "web#client_secret"}),
        "services.web.secrets.CLIENT",
        "is web#client, and the key of web is client_secret",
        "write web#client_secret",
    ),
    "a key of a generated value": Wrong(
        {"secrets": {"key": {"generate": 32}}} | web(secrets={"KEY": "key#value"}),
        {"secrets": {"key": {"json_key": "value"}}},
        "services.web.secrets.KEY",
        "is key#value, and the generated value of key has no keys",
        "write key, or add json_key: value to the secret",
    ),
    "a key of a parameter": Wrong(
        parameter(value="x") | web(secrets={"URL": "parameter:url#host"}),
        web(secrets={"URL": "key"}),
        "services.web.secrets.URL",
        "is parameter:url#host, and the SSM parameter of url has no keys",
        "write parameter:url, or take a secret of Secrets Manager",
    ),
    "an unknown parameter of a container": Wrong(
        web(secrets={"URL": "parameter:url"}),
        web(secrets={"URL": "key"}),
        "services.web.secrets.URL",
        "is 'url', which is no parameter",
        "add it to parameters",
    ),
    "the login of an unknown database": Wrong(
        web(secrets={"PASSWORD": "database:mian#password"}),
        web(secrets={"PASSWORD": "database:main#password"}),
        "services.web.secrets.PASSWORD",
        "is 'mian', which is no database",
        "take one of main",
    ),
    "no login of a database": Wrong(
        web(secrets={"PASSWORD": "database:main#host"}),
        web(secrets={"PASSWORD": "database:main#username"}),
        "services.web.secrets.PASSWORD",
        "is database:main#host, which is no login",
        "write database:main#username or database:main#password",
    ),
}
USES = {
    "a use that a secret does not have": Wrong(
        web(uses={"web": ["connect"]}),
        web(uses={"web": ["read", "write"]}),
        "services.web.uses.web",
        "has connect, which a task cannot do with a secret",
        "take read or write",
    ),
    "a use that a database does not have": Wrong(
        web(uses={"main": ["read"]}),
        web(uses={"main": ["connect"]}),
        "services.web.uses.main",
        "has read, which a task cannot do with a database",
        "take connect",
    ),
    "a use of two things": Wrong(
        {"secrets": {"work": {}}},
        {"secrets": {"work": REMOVED, "works": {}}},
        "services.worker.uses.work",
        "is in queues and in secrets, and a task uses one of them",
        "give one of them another name",
    ),
    "a use of an SSM parameter": Wrong(
        {"secrets": {"given": {"parameter_arn": PARAMETER}}} | worker(uses={"given": ["read"]}),
        {"secrets": {"given": {"parameter_arn": REMOVED, "arn": EXISTING}}},
        "services.worker.uses.given",
        "is an SSM parameter, which no task uses as a secret of Secrets Manager",
        "name it in secrets of the container",
    ),
    "a variable of a database": Wrong(
        web(environment={"MAIN_DATABASE_HOST": "x"}),
        web(environment={"MAIN_DATABASE_HOST": REMOVED, "MAIN_HOST": "x"}),
        "services.web.environment.MAIN_DATABASE_HOST",
        "is a variable that the task has anyway",
        "remove it, or take another name",
    ),
}
DATABASES = {
    "an unknown key of a database": Wrong(
        database(key="dta"),
        database(key="data"),
        "databases.main.key",
        "is 'dta', which is no key",
        "take one of data",
    ),
    "less capacity than the least": Wrong(
        database(capacity={"min": 3, "max": 2}),
        database(capacity={"min": 2}),
        "databases.main.capacity.min",
        "is 3, more than max",
        "take 2 at most",
    ),
    "a database that pauses behind a proxy": Wrong(
        database(capacity={"min": 0}),
        database(proxy=False),
        "databases.main.capacity.min",
        "is 0, and the connections of the proxy keep the database from its pause",
        "take 0.5, or proxy: false",
    ),
    "a version that does not pause": Wrong(
        database(capacity={"min": 0}, proxy=False, engine_version="8.0.mysql_aurora.3.07.1"),
        database(engine_version="8.0.mysql_aurora.3.08.0"),
        "databases.main.capacity.min",
        "is 0, and version 8.0.mysql_aurora.3.07.1 does not pause",
        "take 0.5, or engine_version 8.0.mysql_aurora.3.08.0 or a later one",
    ),
    "a version without Serverless v2": Wrong(
        database(engine_version="5.7.mysql_aurora.2.11.4"),
        database(engine_version="8.0.mysql_aurora.3.10.0"),
        "databases.main.engine_version",
        "is 5.7.mysql_aurora.2.11.4, which has no Serverless v2",
        "take 8.0.mysql_aurora.3.02.0 or a later one",
    ),
    "a name that RDS refuses": Wrong(
        {"databases": {"a--b-": {"database_name": "x", "username": "x"}}},
        {"databases": {"a--b-": REMOVED, "a-b": {"database_name": "x", "username": "x"}}},
        "databases.a--b-",
        "has two hyphens in a row or one at its end, which RDS refuses in a name",
        "write a-b",
    ),
    "a name of a database that is too long": Wrong(
        {"databases": {LONG: {"database_name": "x", "username": "x"}}, "project": "p" * 21},
        {"project": "p" * 19},
        f"databases.{LONG}",
        "names a resource of type AWS::RDS::DBInstance with 65 characters where the name of the environment has 16, "
        "and 63 are the most",
        "save 2 in it, or in project",
    ),
    "two databases of one logical id": Wrong(
        {
            "databases": {
                "a1": {"database_name": "x", "username": "x"},
                "a-1": {"database_name": "x", "username": "x"},
            }
        },
        {"databases": {"a-1": REMOVED}},
        "databases.a-1",
        "has the logical id A1, which a1 has, too",
        "rename one of them",
    ),
}

ALL: Mapping[str, Wrong] = SECRETS | PARAMETERS | REFERENCES | USES | DATABASES
