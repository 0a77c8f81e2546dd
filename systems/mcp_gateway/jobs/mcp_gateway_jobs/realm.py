# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job realm: the realm in Keycloak from data/realm.json, and the clients' secrets in Secrets Manager.

Environment: KEYCLOAK_URL, KEYCLOAK_REALM, KEYCLOAK_ADMIN, KEYCLOAK_ADMIN_PASSWORD, AUTH_SERVER_EXTERNAL_URL,
REGISTRY_URL; the ARN of each secret and the password of each user in the variable that data/realm.json names.
Optional: REALM_FILE, KEYCLOAK_REQUIRE_PKCE, KEYCLOAK_RENEW_SECRETS, WAIT_SECONDS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from mcp_gateway_jobs.keycloak import Document, Keycloak
from mcp_gateway_jobs.requests import JobError, seconds_of, setting

FILE = Path(__file__).resolve().parents[1] / "data" / "realm.json"
WAIT_SECONDS = 300.0
URLS = ("AUTH_SERVER_EXTERNAL_URL", "REGISTRY_URL")
TRUE = "true"
SECRET_KEY = "client_secret"  # of the JSON in Secrets Manager


class Secrets(Protocol):
    """What the job calls of boto3's client of Secrets Manager."""

    def get_secret_value(self, *, SecretId: str) -> Any:
        """Return a secret."""

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> Any:
        """Write a secret."""


def run(environment: Mapping[str, str], secrets: Secrets) -> list[str]:
    """Set the realm up; returns what has changed, in order.

    Raises:
        JobError: a variable is missing, Keycloak does not respond, or a request fails.
    """
    names = ("KEYCLOAK_URL", "KEYCLOAK_REALM", "KEYCLOAK_ADMIN", "KEYCLOAK_ADMIN_PASSWORD")
    keycloak = Keycloak(*(setting(environment, name) for name in names))
    document = realm_of(environment)
    keycloak.wait(seconds_of(environment, WAIT_SECONDS))
    keycloak.ensure_realm(document["realm"])
    groups = {name: keycloak.ensure_named("groups", {"name": name}) for name in document["groups"]}
    scopes = {name: keycloak.ensure_named("client-scopes", _scope(name)) for name in document["client_scopes"]}
    renew = environment.get("KEYCLOAK_RENEW_SECRETS") == TRUE
    for client in document["clients"]:
        representation = client["representation"]
        name = representation["clientId"]
        id = keycloak.ensure_client(representation, [scopes[scope] for scope in client.get("scopes", [])])
        if "groups" in client:
            wanted = {group: groups[group] for group in client["groups"]}
            keycloak.ensure_groups(keycloak.service_account(id), name, wanted)
        arn = environment.get(client.get("secret_variable", ""), "")
        if arn and _write(secrets, arn, keycloak.secret(id, renew)):
            keycloak.changes.append(f"secret of client {name} written")
    for user in document["users"]:
        password = environment.get(user["password_variable"], "")
        if not password:
            continue  # no user without a password of its own
        id = keycloak.ensure_user(user["representation"], password)
        wanted = {group: groups[group] for group in user["groups"]}
        keycloak.ensure_groups(id, user["representation"]["username"], wanted)
    return keycloak.changes


def realm_of(environment: Mapping[str, str]) -> Document:
    """Return the realm to set up, with the URLs of the environment.

    Raises:
        JobError: the file is missing or not JSON.
    """
    path = Path(environment.get("REALM_FILE") or FILE)
    try:
        text = path.read_text(encoding="utf-8")
        for name in URLS:
            text = text.replace(f"{{{name}}}", setting(environment, name).rstrip("/"))
        document: Document = json.loads(text)
    except (OSError, ValueError) as error:
        raise JobError(f"cannot read {path}: {error} -> name another file in REALM_FILE") from None
    if environment.get("KEYCLOAK_REQUIRE_PKCE") == TRUE:
        for client in document["clients"]:
            if client["representation"]["standardFlowEnabled"]:
                client["representation"]["attributes"]["pkce.code.challenge.method"] = "S256"
    return document


def _scope(name: str) -> Document:
    return {"name": name, "protocol": "openid-connect", "attributes": {"include.in.token.scope": TRUE}}


def _write(secrets: Secrets, arn: str, value: str) -> bool:
    try:
        found = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
        if isinstance(found, dict) and found.get(SECRET_KEY) == value:
            return False
    except ValueError:
        pass  # a placeholder
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({SECRET_KEY: value}))
    return True
