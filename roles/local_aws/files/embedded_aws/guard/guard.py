# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is answered by the embedded AWS: a decision over a request's first line and headers.

It runs code for its callers, so only its own user may call it. Browsers are refused by what they send, since any
web page can have them call a loopback address; programs of other users are refused for want of the secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qsl

from embedded_aws.guard.keys import Keys

HEALTH_PATH = "/_ddbload/health"
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
TASK_CREDENTIALS = re.compile(r"/v2/credentials/[A-Za-z0-9-]+")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
# The path itself is the secret: MiniStack makes one of 32 random bytes for each container.
TASK_METADATA = re.compile(r"/v4/[A-Za-z0-9_-]{43}(/task|/stats|/task/stats)?")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
TASK_PROTECTION = re.compile(r"/v4/[A-Za-z0-9_-]{43}/task-protection/v1/state")
REGISTRY = re.compile(r"/v2(/.*)?", re.DOTALL)
NONCE = re.compile(r"[0-9a-f]{32}")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 (?:.*[ ,])?Credential=([^/,\s]+)/", re.DOTALL)

# No AWS SDK and no image client sends these; a browser sends at least one with every request, and no page can leave
# the Sec- ones out: https://fetch.spec.whatwg.org/#forbidden-request-header
BROWSER_HEADERS = ("origin", "referer")
BROWSER_PREFIXES = ("sec-", "access-control-request-")


class Verdict(Enum):
    """What is done with a request."""

    ALLOW = "hand it to MiniStack"
    HEALTH = "prove that this is the embedded AWS of the caller"
    TASK_CREDENTIALS = "hand out the tasks' credentials"
    TASK_METADATA = "hand it to MiniStack without its headers and its query"
    TASK_PROTECTION = "hand it to MiniStack with its body, without its headers and its query"
    NO_LOGIN = "request a login from an image client"
    REFUSE = "refuse it"


@dataclass(frozen=True)
class Decision:
    """A verdict; where it is a refusal, why."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Guard:
    """The rules of one start.

    Attributes:
        keys: the keys of permitted callers.
        hosts: the values of the header Host that lead here, in lower case.
    """

    keys: Keys
    hosts: frozenset[str]

    def decide(self, method: str, path: str, query: str, headers: Iterable[tuple[str, str]]) -> Decision:
        """Decide on a request.

        Args:
            method: such as POST.
            path: decoded, such as ``/v2/app/manifests/1``.
            query: as it was sent, without its question mark.
            headers: names and values; names in any case.
        """
        named = [(name.lower(), value) for name, value in headers]
        reason = _from_a_browser(method, query, named) or self._elsewhere(named)
        if reason:
            return Decision(Verdict.REFUSE, reason)
        if method == "GET" and path == HEALTH_PATH:
            return Decision(Verdict.HEALTH) if NONCE.fullmatch(query) else Decision(Verdict.REFUSE, "no nonce")
        authorizations = [value for name, value in named if name == "authorization"]
        if method == "GET" and TASK_CREDENTIALS.fullmatch(path):
            if len(authorizations) == 1 and self.keys.is_task_token(authorizations[0]):
                return Decision(Verdict.TASK_CREDENTIALS)
            return Decision(Verdict.REFUSE, "the authorization token is not that of its tasks")
        if method == "GET" and TASK_METADATA.fullmatch(path):
            return Decision(Verdict.TASK_METADATA)
        if method in ("GET", "PUT") and TASK_PROTECTION.fullmatch(path):
            return Decision(Verdict.TASK_PROTECTION)
        return self._by_key(path, query, authorizations)

    def _elsewhere(self, named: list[tuple[str, str]]) -> str:
        hosts = [value.lower() for name, value in named if name == "host"]
        # A name of a page's own may be made to lead to the loopback; its port does not change.
        return "" if len(hosts) == 1 and hosts[0] in self.hosts else "the header Host is not one of its names"

    def _by_key(self, path: str, query: str, authorizations: list[str]) -> Decision:
        is_registry = bool(REGISTRY.fullmatch(path))
        presigned = [value for name, value in _fields(query) if name.lower() == "x-amz-credential"]
        named = [*map(_access_key, authorizations), *(value.partition("/")[0] for value in presigned)]
        if named and all(map(self.keys.is_access_key, named)):
            return Decision(Verdict.ALLOW)
        if is_registry and not any(named):
            passwords = [_password(value) for value in authorizations]
            is_login = len(passwords) == 1 and self.keys.is_registry_password(passwords[0])
            return Decision(Verdict.ALLOW if is_login else Verdict.NO_LOGIN)
        reason = "its access key is not that of the profile ddbload-local" if any(named) else "it has no access key"
        return Decision(Verdict.REFUSE, reason)


def _from_a_browser(method: str, query: str, named: list[tuple[str, str]]) -> str:
    for name, _value in named:
        if name in BROWSER_HEADERS or name.startswith(BROWSER_PREFIXES):
            return f"it has the header {name.title()}, as web browsers send it"
    if method == "OPTIONS":
        return "only web browsers send OPTIONS"
    # The Query API's calls come by POST; a link or a redirect makes a GET.
    if method in ("GET", "HEAD") and any(name.lower() == "action" for name, _value in _fields(query)):
        return f"{method} with an Action is what a link makes"
    return ""


def _fields(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _access_key(authorization: str) -> str:
    found = CREDENTIAL.match(authorization)
    return found[1] if found else ""


def _password(authorization: str) -> str:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    scheme, _space, encoded = authorization.partition(" ")
    try:
        user, _colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return password if scheme.lower() == "basic" and user == "AWS" else ""
