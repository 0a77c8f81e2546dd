# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints how to reach the gateway on the embedded AWS: its URLs, commands, and the logins without their passwords.

`make demo SYSTEM=mcp_gateway` runs it at its end, with the environment of `make env`.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import yaml

BASE = "mcp-gateway-local"
SECRET = "mcp-gateway/local/{}"
SYSTEM = Path(__file__).resolve().parents[2]

Outputs = Mapping[str, str]


def lines(gateway: Outputs, keycloak: Outputs, authority: str, secrets: Mapping[str, str]) -> list[str]:
    """Return the lines to print.

    Args:
        gateway: outputs of the stack load-balancer-main.
        keycloak: outputs of the stack load-balancer-keycloak.
        authority: file of the certificate that verifies both names.
        secrets: the secret of each user's password, by the user's name.
    """
    name, url = gateway["HostName"], gateway["Url"]
    port = urlsplit(url).port or 443
    rules = ", ".join(f"MAP {each['HostName']} {each['DnsName']}" for each in (gateway, keycloak))
    width = max(len(user) for user in secrets)
    return [
        f"The web page: {url}/",
        f"Keycloak:     {keycloak['Url']}/",
        "Only tasks resolve these names. From this machine, by curl:",
        "",
        f"  curl --noproxy '*' --cacert {shlex.quote(authority)} "
        f"--resolve {name}:{port}:{gateway['DnsName']} {url}/health",
        "",
        f"A browser does not know the authority ({authority}): accept its warning. Chromium reaches both names with:",
        "",
        f"  chromium --user-data-dir=\"$(mktemp -d)\" --no-proxy-server --host-resolver-rules='{rules}' {url}/",
        "",
        "These users log in; each password is in a secret, and no output shows it:",
        "",
        *(f"  {user:{width}}  {secret}" for user, secret in secrets.items()),
        "",
        "To read one:",
        "",
        '  eval "$(make env)"',
        "  aws secretsmanager get-secret-value --query SecretString --output text "
        f"--secret-id {next(iter(secrets.values()))}",
        "",
        "Keycloak's own administrator is admin:",
        "",
        "  aws ssm get-parameter --with-decryption --query Parameter.Value --output text "
        "--name /mcp-gateway/local/keycloak-admin-password",
    ]


def users() -> dict[str, str]:
    """Return the secret of each user's password, by the user's name."""
    realm = json.loads((SYSTEM / "jobs" / "data" / "realm.json").read_text(encoding="utf-8"))
    system = yaml.safe_load((SYSTEM / "system.yml").read_text(encoding="utf-8"))
    secrets = system["jobs"]["realm"]["secrets"]
    return {
        user["representation"]["username"]: SECRET.format(secrets[user["password_variable"]]) for user in realm["users"]
    }


def _outputs(stack: str) -> Outputs:
    [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def main(authority: str) -> int:
    """Print the lines for the gateway that runs."""
    gateway, keycloak = (_outputs(f"{BASE}-load-balancer-{name}") for name in ("main", "keycloak"))
    sys.stdout.write("".join(f"{line}\n" for line in lines(gateway, keycloak, authority, users())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
