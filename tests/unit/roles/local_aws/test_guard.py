# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard's decision, as a function of a request's first line and headers."""

from __future__ import annotations

import base64

import pytest
from embedded_aws.guard.guard import Decision, Guard, Verdict
from embedded_aws.guard.keys import Keys
from hypothesis import given
from hypothesis import strategies as st

KEYS = Keys("ddbload" + "0123456789abcdef" * 4)
GUARD = Guard(KEYS, frozenset({"127.0.0.1:4566", "localhost:4566"}))
HOST = ("Host", "127.0.0.1:4566")
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80)
PATHS = st.one_of(
    st.sampled_from(
        ["/", "/v2/", "/v2/app/manifests/1", "/_ministack/health", "/_ministack/reset", "/v2/credentials/a"]
    ),
    st.text(max_size=40).map("/".__add__),
)
QUERIES = st.one_of(st.just(""), st.just("Action=CreateStack"), st.text("aA=&%2b+xZ-", max_size=40))
HEADERS = st.lists(st.tuples(TOKENS, VALUES), max_size=5)


def sigv4(key: str) -> tuple[str, str]:
    scope = f"{key}/20260101/us-east-1/ecs/aws4_request"
    return "Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def login(password: str, user: str = "AWS") -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


SIGNED = sigv4(KEYS.secret)


def decide(
    method: str = "POST", path: str = "/", query: str = "", *headers: tuple[str, str], guard: Guard = GUARD
) -> Decision:
    return guard.decide(method, path, query, headers)


def verdict(method: str, path: str, query: str, *headers: tuple[str, str]) -> Verdict:
    return decide(method, path, query, *headers).verdict


@pytest.mark.parametrize("key", [KEYS.secret, KEYS.task])
@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost:4566", "LOCALHOST:4566"])
def test_whoever_has_the_secret_is_let_in(key: str, host: str) -> None:
    assert verdict("POST", "/", "", ("host", host), sigv4(key)) is Verdict.ALLOW
    presigned = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key}%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
    assert verdict("GET", "/bucket/key", presigned, ("host", host)) is Verdict.ALLOW


@pytest.mark.parametrize(
    "name",
    [
        *("Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User", "Sec-GPC"),
        *("sec-ch-ua", "Sec-WebSocket-Key", "Sec-Purpose", "Access-Control-Request-Method", "oRiGiN"),
    ],
)
@pytest.mark.parametrize("value", ["", "null", "http://127.0.0.1:4566", "none", "same-origin"])
def test_a_browser_is_refused_even_with_the_secret(name: str, value: str) -> None:
    assert verdict("POST", "/", "", HOST, SIGNED) is Verdict.ALLOW
    decision = decide("POST", "/", "", HOST, SIGNED, (name, value))
    assert decision.verdict is Verdict.REFUSE and name.title() in decision.reason
    assert verdict("GET", "/_ddbload/health", "0" * 32, HOST, (name, value)) is Verdict.REFUSE
    assert verdict("GET", "/v2/", "", HOST, (name, value)) is Verdict.REFUSE


@pytest.mark.parametrize("query", ["Action=CreateStack", "a=b&Action=", "%41ction=CreateStack", "action=x", "x&ACTION"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_is_refused_even_with_the_secret(method: str, query: str) -> None:
    assert verdict(method, "/", query, HOST, SIGNED) is Verdict.REFUSE
    assert verdict("POST", "/", query, HOST, SIGNED) is Verdict.ALLOW
    assert verdict(method, "/", "Faction=Action", HOST, SIGNED) is Verdict.ALLOW


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        ("evil.example",),
        ("evil.example:4566",),
        ("127.0.0.1",),
        ("127.0.0.1:80",),
        ("127.0.0.1.evil.example:4566",),
        ("127.0.0.1:4566", "evil.example"),
        ("127.0.0.1:4566, evil.example",),
        ("[::1]:4566",),
        ("0.0.0.0:4566",),
        ("",),
    ],
)
def test_another_host_is_refused_even_with_the_secret(hosts: tuple[str, ...]) -> None:
    assert verdict("POST", "/", "", *(("host", host) for host in hosts), SIGNED) is Verdict.REFUSE


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (sigv4("test"),),
        (sigv4("000000000000"),),
        (sigv4(KEYS.secret[:-1]),),
        (sigv4(KEYS.secret + "0"),),
        (sigv4(KEYS.secret.upper()),),
        (sigv4(KEYS.registry),),
        (sigv4(KEYS.proof("0" * 32)),),
        (sigv4("clé"),),
        (("Authorization", KEYS.secret),),
        (("Authorization", f"AWS {KEYS.secret}:signature"),),
        (("Authorization", f"Bearer {KEYS.secret}"),),
        (login(KEYS.secret),),
        (SIGNED, sigv4("test")),
    ],
)
def test_without_the_secret_nobody_is_let_in(headers: tuple[tuple[str, str], ...]) -> None:
    assert verdict("POST", "/", "", HOST, *headers) is Verdict.REFUSE
    assert verdict("GET", "/_ministack/reset", "", HOST, *headers) is Verdict.REFUSE


def test_a_foreign_key_beside_the_secret_is_refused() -> None:
    assert verdict("POST", "/", "X-Amz-Credential=test/1", HOST, SIGNED) is Verdict.REFUSE
    assert verdict("POST", "/", "x-amz-credential=test/1", HOST, SIGNED) is Verdict.REFUSE


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2/app/manifests/1", "/v2/a/b/blobs/uploads/"])
def test_the_registry_wants_the_password_of_the_token(path: str) -> None:
    assert verdict("GET", path, "", HOST) is Verdict.NO_LOGIN
    assert verdict("PUT", path, "", HOST, login("ministack-auth-token")) is Verdict.NO_LOGIN
    assert verdict("PUT", path, "", HOST, login(KEYS.registry, "root")) is Verdict.NO_LOGIN
    assert verdict("PUT", path, "", HOST, ("Authorization", "Basic %")) is Verdict.NO_LOGIN
    assert verdict("PUT", path, "", HOST, login(KEYS.registry)) is Verdict.ALLOW
    assert verdict("PUT", path, "", HOST, sigv4("test")) is Verdict.REFUSE


def test_the_registry_password_opens_nothing_else() -> None:
    for path in ("/", "/v2x", "/v2\n/", "/_ministack/reset", "/V2/"):
        assert verdict("POST", path, "", HOST, login(KEYS.registry)) is Verdict.REFUSE


def test_task_credentials_want_the_token_of_the_tasks() -> None:
    path = "/v2/credentials/0b5d6b0e-8a30-4d0e-9f6f-111111111111"
    assert verdict("GET", path, "", HOST, ("Authorization", KEYS.task)) is Verdict.TASK_CREDENTIALS
    for headers in [(), (("Authorization", "x"),), (SIGNED,), (("Authorization", KEYS.task),) * 2]:
        assert verdict("GET", path, "", HOST, *headers) is Verdict.REFUSE
    assert verdict("POST", path, "", HOST, ("Authorization", KEYS.task)) is not Verdict.ALLOW


def test_task_metadata_is_found_by_its_path_alone() -> None:
    assert verdict("GET", f"/v4/{'a' * 43}/task", "", HOST) is Verdict.TASK_METADATA
    protection = f"/v4/{'a' * 43}/task-protection/v1/state"
    assert verdict("PUT", protection, "", HOST) is verdict("GET", protection, "", HOST) is Verdict.TASK_PROTECTION
    assert verdict("DELETE", protection, "", HOST) is Verdict.REFUSE
    for method, path in [("POST", f"/v4/{'a' * 43}"), ("GET", "/v4/short/task"), ("GET", f"/v4/{'a' * 43}/../..")]:
        assert verdict(method, path, "", HOST) is Verdict.REFUSE


def test_health_is_proved_for_a_nonce_and_nothing_else() -> None:
    assert verdict("GET", "/_ddbload/health", "0f" * 16, HOST) is Verdict.HEALTH
    for query in ("", "task", "0f" * 15, "0F" * 16, "0f" * 16 + "\n"):
        assert verdict("GET", "/_ddbload/health", query, HOST) is Verdict.REFUSE
    # A proof is no key, whatever is asked for.
    assert KEYS.proof("task") not in (KEYS.task, KEYS.registry, KEYS.secret)


def test_the_keys_are_not_shown() -> None:
    assert KEYS.secret not in repr(GUARD)


@given(METHODS, PATHS, QUERIES, HEADERS)
def test_no_request_without_a_key_reaches_the_emulator(
    method: str, path: str, query: str, headers: list[tuple[str, str]]
) -> None:
    assert verdict(method, path, query, HOST, *headers) is not Verdict.ALLOW


@given(METHODS, PATHS, QUERIES, HEADERS, st.sampled_from([SIGNED, sigv4(KEYS.task), login(KEYS.registry)]), st.data())
def test_what_a_browser_sends_outranks_every_key(
    method: str, path: str, query: str, headers: list[tuple[str, str]], key: tuple[str, str], data: st.DataObject
) -> None:
    name = data.draw(st.one_of(st.sampled_from(["origin", "referer"]), TOKENS.map("sec-".__add__)))
    sent = data.draw(st.permutations([HOST, key, (name, data.draw(VALUES)), *headers]))
    assert verdict(method, path, query, *sent) is Verdict.REFUSE


@given(METHODS, PATHS, st.text("ab=&%2", max_size=20))
def test_with_the_secret_only_options_is_refused(method: str, path: str, query: str) -> None:
    expected = Verdict.REFUSE if method == "OPTIONS" else Verdict.ALLOW
    if "credentials/" in path or path.startswith(("/v4/", "/_ddbload/")):
        return
    assert verdict(method, path, query, HOST, SIGNED) is expected


@given(st.text(max_size=80))
def test_no_other_text_is_a_key(given_key: str) -> None:
    assert not KEYS.is_access_key(given_key)
    assert not KEYS.is_task_token(given_key)
    assert not KEYS.is_registry_password(given_key)
