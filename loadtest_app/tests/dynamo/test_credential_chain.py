# SPDX-License-Identifier: Apache-2.0
"""Missing credentials: one line each with the profile, the cause and the remedy, without a secret."""

import hashlib
import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from botocore.credentials import SSOProvider
from botocore.tokens import SSOTokenProvider
from botocore.utils import ContainerMetadataFetcher
from credential_service import answering, sts_error
from ddbload import cli
from ddbload.dynamo.endpoint import TargetError, open_target
from ddbload.scenario.parameters import SourceError, read_parameters

SECRET = "a-secret-that-no-output-contains"
ENDPOINT = "http://127.0.0.1:9"


class Case(NamedTuple):
    """A profile's settings, the environment, and the expected message.

    ``{url}`` in the environment is a server that responds with ``answer`` (status and body) to every request.
    """

    settings: str
    words: str
    environment: Mapping[str, str] = MappingProxyType({})
    answer: tuple[int, str] = (404, "")
    profile: str = "tested"


ROLE = "role_arn = arn:aws:iam::123456789012:role/tester\nsource_profile = keys\n"
KEYS = f"[profile keys]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = {SECRET}\n"
TOKENLESS = "sso_start_url = https://x.invalid\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = x\n"
OLD = json.dumps(
    {
        "Version": 1,
        "AccessKeyId": "A",
        "SecretAccessKey": SECRET,
        "SessionToken": "t",
        "Expiration": "2020-01-01T00:00:00Z",
    }
)
CASES = {
    "MFA": Case(f"{ROLE}mfa_serial = arn:aws:iam::123456789012:mfa/me\n", "code of an MFA device"),
    "process prints text": Case(f"credential_process = echo {SECRET}\n", "did not print the JSON"),
    "process prints a list": Case("credential_process = echo [1]\n", "did not print the JSON"),
    "process fails": Case("credential_process = {folder}/fail\n", "run that command by hand"),
    "process is missing": Case(
        "credential_process = {folder}/none\n", "credential_process names {folder}/none: No such"
    ),
    "process is a folder": Case("credential_process = {folder}\n", "credential_process names {folder}: Permission"),
    "process prints old ones": Case("credential_process = {folder}/old\n", "still expired"),
    "token is missing": Case(
        "role_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = {folder}/token\n",
        "web_identity_token_file names {folder}/token: No such file",
    ),
    "SSO": Case(TOKENLESS, "aws sso login"),
    "none": Case("region = eu-west-1\n", "no provider has any -> give the task a role"),
    "half a pair": Case("aws_access_key_id = AKIAEXAMPLE\n", "aws_secret_access_key"),
    "container does not answer": Case(
        "region = eu-west-1\n", "check what answers", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/"}
    ),
    "STS does not answer": Case(ROLE, "fix the profile", {"AWS_ENDPOINT_URL_STS": ENDPOINT, "AWS_MAX_ATTEMPTS": "1"}),
}
SSO = "sso_account_id = 1\nsso_role_name = x\n"
WEB = "role_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = {folder}/"
DENIED = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: sts:AssumeRole on resource: tester"


def by_sts(code: str, message: str, words: str, settings: str = ROLE) -> Case:
    """Return a case in which STS refuses to give a role."""
    return Case(settings, words, {"AWS_ENDPOINT_URL_STS": "{url}"}, (403, sts_error(code, message)))


def by_container(status: int, body: str, words: str) -> Case:
    """Return a case in which the endpoint of container credentials responds like this."""
    return Case("region = eu-west-1\n", words, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/role"}, (status, body))


CASES |= {
    "role denied": by_sts("AccessDenied", DENIED, "that the role exists"),
    "role wants MFA": by_sts("AccessDenied", "MultiFactorAuthentication failed", "aws sts assume-role"),
    "source unknown": by_sts("InvalidClientTokenId", "The token is invalid.", "log in again"),
    "source expired": by_sts("ExpiredToken", "The token is expired", "log in again"),
    "STS disabled": by_sts("RegionDisabledException", "STS is not activated", "activate STS"),
    "token refused": by_sts("InvalidIdentityToken", "No provider", "renew the token", f"{WEB}full\n"),
    "token expired": by_sts("ExpiredTokenException", "Token expired", "log in again", f"{WEB}full\n"),
    "token empty": Case(f"{WEB}empty\n", "web_identity_token_file names a file without a token"),
    "container forbids": by_container(403, SECRET, "403 from container metadata -> check what answers"),
    "container fails": by_container(500, SECRET, "500 from container metadata -> check what answers"),
    "container prints text": by_container(200, SECRET, "Unable to parse JSON returned"),
    "container prints a list": by_container(200, json.dumps([SECRET]), "check what answers"),
    "container has no key": by_container(200, "{}", "check what answers"),
    "container gives old ones": by_container(
        200, json.dumps(json.loads(OLD) | {"Token": "t", "SessionToken": "t"}), "still expired"
    ),
    "container elsewhere": Case(
        "region = eu-west-1\n",
        "Unsupported host 'x.invalid'",
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x.invalid/"},
    ),
    "SSO expired": Case(f"sso_session = team\n{SSO}", "aws sso login"),
    "SSO expired, legacy": Case(
        f"sso_start_url = https://team.invalid\nsso_region = eu-west-1\n{SSO}", "aws sso login"
    ),
    "no default": Case("", "no provider has any", profile=""),
    "half in the environment": Case(
        "", "AWS_SECRET_ACCESS_KEY -> set both keys", {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}, profile=""
    ),
    "config is no INI": Case("\nno configuration\n", "fix the file"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, text in {"fail": f"echo {SECRET} >&2; exit 3", "old": f"echo '{OLD}'"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    (tmp_path / "full").write_text(SECRET)
    (tmp_path / "empty").touch()
    for name in ("team", "https://team.invalid"):
        token = {"accessToken": SECRET, "expiresAt": "2020-01-01T00:00:00Z"}
        (tmp_path / f"{hashlib.sha1(name.encode()).hexdigest()}.json").write_text(json.dumps(token))
    for provider in (SSOProvider, SSOTokenProvider):
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    return tmp_path


@pytest.fixture
def signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_missing_credentials_are_one_line(
    case: Case, folder: Path, signals: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session = "[sso-session team]\nsso_region = eu-west-1\nsso_start_url = https://team.invalid\n"
    text = f"{KEYS}{session}[profile tested]\n" + case.settings.replace("{folder}", str(folder))
    (folder / "config").write_text(text)
    if case.profile:
        monkeypatch.setenv("AWS_PROFILE", case.profile)
    with answering(*case.answer) as url:
        for name, value in case.environment.items():
            monkeypatch.setenv(name, value.replace("{url}", url))
        check(case, folder, capsys)


def check(case: Case, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TargetError) as target:
        open_target("test-table", ENDPOINT, "eu-west-1", os.environ)
    with pytest.raises(SourceError) as source:
        read_parameters("/project/dev", "eu-west-1", ENDPOINT)
    assert str(source.value) == f"/project/dev: {target.value}"
    assert cli.main(["run", "--table=test-table", f"--endpoint-url={ENDPOINT}", "--region=eu-west-1"]) == 5
    seen = capsys.readouterr()
    (line,) = seen.out.splitlines()
    message = json.loads(line)["message"]
    assert message == str(target.value)
    assert message.startswith(f"no AWS credentials were found (profile {case.profile or 'default'}): ")
    assert case.words.replace("{folder}", str(folder)) in message
    assert SECRET not in message + seen.err and "does not answer" not in message
    assert " -> " in message and "\n" not in message


@pytest.mark.parametrize(
    ("name", "why"), [(".", "it is a folder"), ("none", "No such file"), ("fail", "no certificates in PEM")]
)
def test_a_bundle_without_certificates_is_named(
    name: str, why: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = str(folder / name)
    for variable, value in {"ACCESS_KEY_ID": "A", "SECRET_ACCESS_KEY": SECRET, "CA_BUNDLE": bundle}.items():
        monkeypatch.setenv(f"AWS_{variable}", value)
    with pytest.raises(TargetError) as target:
        open_target("test-table", "https://127.0.0.1:9", "eu-west-1", os.environ)
    with pytest.raises(SourceError) as source:
        read_parameters("/project/dev", "eu-west-1", "https://127.0.0.1:9")
    for text in (str(target.value), str(source.value)):
        assert f"AWS_CA_BUNDLE names {bundle}: " in text and why in text and "unset AWS_CA_BUNDLE" in text
