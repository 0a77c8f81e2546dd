# SPDX-License-Identifier: Apache-2.0
"""Credentials that cannot be had: one line each with the profile, the cause and the remedy, and no secret in it."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from ddbload import cli
from ddbload.dynamo.endpoint import TargetError, open_target
from ddbload.sources import SourceError, read_parameters

SECRET = "a-secret-that-is-told-to-nobody"
ENDPOINT = "http://127.0.0.1:9"


class Case(NamedTuple):
    """A profile's settings, the environment beside them, and what the line has to say."""

    settings: str
    words: str
    environment: Mapping[str, str] = MappingProxyType({})


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
        "region = eu-west-1\n", "mend the profile", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/"}
    ),
    "STS does not answer": Case(ROLE, "mend the profile", {"AWS_ENDPOINT_URL_STS": ENDPOINT, "AWS_MAX_ATTEMPTS": "1"}),
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
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    return tmp_path


@pytest.fixture
def signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_credentials_that_cannot_be_had_are_one_line(
    case: Case, folder: Path, signals: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config").write_text(f"{KEYS}[profile tested]\n" + case.settings.replace("{folder}", str(folder)))
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_PROFILE", "tested")
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
    assert message.startswith("no AWS credentials are to be had (profile tested): ")
    assert case.words.replace("{folder}", str(folder)) in message
    assert SECRET not in message + seen.err and "does not answer" not in message
    assert " -> " in message and "\n" not in message


@pytest.mark.parametrize(
    ("name", "why"), [(".", "it is a folder"), ("none", "No such file"), ("fail", "no certificates in PEM")]
)
def test_a_bundle_that_holds_no_certificates_is_named(
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
