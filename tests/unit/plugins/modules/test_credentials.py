# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Missing credentials: real profiles and the SDK's real chain, and every module's message."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import boto3
import pytest
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args
from botocore.credentials import SSOProvider
from botocore.tokens import SSOTokenProvider
from botocore.utils import ContainerMetadataFetcher
from credential_service import answering, sts_error

ROLE = "role_arn = arn:aws:iam::111122223333:role/tester\n"
KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = very-secret-key\n"
SOURCE = f"[profile source]\n{KEYS}[profile mine]\n{ROLE}source_profile = source\n"
ANSWER = {"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "very-secret-key"}
SSO = "sso_account_id = 111122223333\nsso_role_name = tester\n"
SESSION = "[sso-session team]\nsso_region = eu-west-1\nsso_start_url = https://127.0.0.1/start\n"


def process(command: str) -> str:
    return f"[profile mine]\ncredential_process = {command}\n"


def printing(answer: Any) -> str:
    return process(f"echo '{json.dumps(answer)}'")


class Case(NamedTuple):
    """A configuration, its message, and the remedy's words.

    ``{url}`` in a variable is a server that responds with ``answer`` (status and body) to every request.
    """

    config: str | bytes | None  # None makes the file a folder
    cause: str
    remedy: str
    variables: Mapping[str, str] = MappingProxyType({})
    answer: tuple[int, str] = (404, "")
    profile: str = "mine"

    @property
    def source(self) -> str:
        """How a message names the source of the credentials."""
        return f"profile {self.profile}" if self.profile else "no profile, the default credentials"


def by_sts(code: str, message: str, cause: str, remedy: str, config: str = SOURCE) -> Case:
    """Return a case in which STS refuses to give a role."""
    return Case(config, cause, remedy, {"AWS_ENDPOINT_URL_STS": "{url}"}, (403, sts_error(code, message)))


def by_container(status: int, body: str, cause: str, remedy: str) -> Case:
    """Return a case in which the endpoint of container credentials responds like this."""
    return Case("[profile mine]\n", cause, remedy, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/role"}, (status, body))


CALLER = "User: arn:aws:iam::111122223333:user/me is not authorized to perform: sts:AssumeRole on resource: tester"

CASES = {
    "mfa": Case(f"{SOURCE}mfa_serial = arn:aws:iam::111122223333:mfa/me\n", "MFA device", "aws sso login"),
    "process-text": Case(process("echo very-secret-text"), "credential_process did not print the JSON", "by hand"),
    "process-list": Case(printing(["very-secret-text"]), "credential_process did not print the JSON", "by hand"),
    "process-time": Case(printing(ANSWER | {"SessionToken": "t", "Expiration": "soon"}), "did not print", "by hand"),
    "process-bytes": Case(process("printf '\\377'"), "credential_process did not print the JSON", "by hand"),
    "process-gone": Case(process("/no/helper"), "credential_process names /no/helper: No such file", "fix the path"),
    "process-folder": Case(process("/"), "credential_process names /: Permission denied", "execute"),
    "process-fails": Case(process("sh -c 'echo no session >&2; exit 3'"), "no session", "log in"),
    "process-keyless": Case(printing({"Version": 1}), "Missing required key in response: 'AccessKeyId'", "log in"),
    "process-version": Case(printing({"Version": 2}), "Unsupported version '2'", "log in"),
    "process-expired": Case(
        printing(ANSWER | {"SessionToken": "t", "Expiration": "2020-01-01T00:00:00Z"}), "expired already", "renew them"
    ),
    "token-gone": Case(
        f"[profile mine]\n{ROLE}web_identity_token_file = /no/token\n",
        "AWS_WEB_IDENTITY_TOKEN_FILE) names /no/token: No such file",
        "fix the path",
    ),
    "token-folder": Case(f"[profile mine]\n{ROLE}web_identity_token_file = /\n", "names /: Is a directory", "fix"),
    "sso-no-token": Case(
        f"{SESSION}[profile mine]\nsso_session = team\n{SSO}", "Token for team does not exist", "log in"
    ),
    "sso-no-session": Case(f"[profile mine]\nsso_session = team\n{SSO}", 'sso-session does not exist: "team"', "fix"),
    "config-folder": Case(None, "config is a folder", "AWS_CONFIG_FILE"),
    "config-text": Case("no configuration", "Unable to parse config file", "fix the file"),
    "config-bytes": Case(b"[profile mine]\nregion = \xff\n", "Unable to parse config file", "fix the file"),
    "no-profile": Case("", "(mine) could not be found", "AWS_PROFILE"),
    "no-source": Case(f"[profile mine]\n{ROLE}source_profile = gone\n", 'source_profile "gone"', "fix the profile"),
    "no-keys": Case("[profile mine]\n", "Unable to locate credentials", "log in"),
    "half-a-key": Case(
        "[profile mine]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n", "missing: aws_secret_access_key", "set both keys"
    ),
    "keys-beside": Case(
        f"[profile mine]\n{KEYS}",
        "access keys are set beside the profile",
        "unset",
        {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "very-secret-key"},
    ),
    "ca-folder": Case(
        f"[profile mine]\n{KEYS}", "AWS_CA_BUNDLE names /: Is a directory", "PEM", {"AWS_CA_BUNDLE": "/"}
    ),
    "ca-gone": Case(f"[profile mine]\n{KEYS}", "names /no/ca: No such file", "PEM", {"AWS_CA_BUNDLE": "/no/ca"}),
    "ca-text": Case(f"[profile mine]\n{KEYS}", "it holds no certificate", "PEM", {"AWS_CA_BUNDLE": "/etc/passwd"}),
}

CASES |= {
    "role-denied": by_sts("AccessDenied", CALLER, "not authorized to perform: sts:AssumeRole", "sts:AssumeRole"),
    "role-mfa": by_sts(
        "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.", "Multi", "MFA"
    ),
    "source-unknown": by_sts("InvalidClientTokenId", "The token is invalid.", "InvalidClientTokenId", "the profile"),
    "source-expired": by_sts("ExpiredToken", "The token is expired", "ExpiredToken", "log in again"),
    "sts-region": by_sts("RegionDisabledException", "STS is not activated", "RegionDisabled", "activate"),
    "token-refused": by_sts(
        "InvalidIdentityToken",
        "No OpenIDConnect provider found",
        "InvalidIdentityToken",
        "token",
        f"[profile mine]\n{ROLE}web_identity_token_file = {{folder}}/token\n",
    ),
    "token-expired": by_sts(
        "ExpiredTokenException",
        "Token expired: current date/time",
        "ExpiredToken",
        "log in",
        f"[profile mine]\n{ROLE}web_identity_token_file = {{folder}}/token\n",
    ),
    "token-empty": Case(
        f"[profile mine]\n{ROLE}web_identity_token_file = /dev/null\n",
        "names a file without a token",
        "write the token again",
    ),
    "container-403": by_container(403, "very-secret: no", "403 from container metadata", "AWS_CONTAINER"),
    "container-500": by_container(500, "very-secret: no", "500 from container metadata", "AWS_CONTAINER"),
    "container-text": by_container(200, "very-secret", "Unable to parse JSON", "AWS_CONTAINER"),
    "container-list": by_container(200, '["very-secret"]', "AWS_CONTAINER_CREDENTIALS_FULL_URI", "fix"),
    "container-keyless": by_container(200, "{}", "AccessKeyId", "fix"),
    "container-expired": by_container(
        200, json.dumps(ANSWER | {"Token": "t", "Expiration": "2020-01-01T00:00:00Z"}), "expired already", "renew them"
    ),
    "container-host": Case(
        "[profile mine]\n",
        "Unsupported host 'x.invalid'",
        "fix",
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x.invalid/"},
    ),
    "sso-expired": Case(f"{SESSION}[profile mine]\nsso_session = team\n{SSO}", "expired", "aws sso login"),
    "sso-expired-legacy": Case(
        f"[profile mine]\nsso_region = eu-west-1\nsso_start_url = https://127.0.0.1/start\n{SSO}",
        "SSO session associated with this profile has expired",
        "aws sso login",
    ),
    "default-named": Case("", "(default) could not be found", "AWS_PROFILE", profile="default"),
    "default-implicit": Case("", "Unable to locate credentials", "AWS_PROFILE", profile=""),
    "half-in-environment": Case(
        "", "aws_secret_access_key", "set both keys", {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, profile=""
    ),
    "other-half": Case(
        "", "aws_access_key_id", "set both keys", {"AWS_SECRET_ACCESS_KEY": "very-secret-key"}, profile=""
    ),
}

DIGEST = f"sha256:{0:064}"
MODULES: dict[str, dict[str, Any]] = {
    "cfn_drift_info": {"stack_names": ["shop"]},
    "cfn_stack": {"stack_name": "shop", "state": "absent"},
    "cfn_stacks": {"stacks": [{"stack_name": "shop"}, {"stack_name": "blog"}], "state": "absent"},
    "ec2_prefix_list_info": {},
    "ecr_image": {"repository_name": "shop", "image_tag": "1", "image_manifest": '{"mediaType": "x"}'},
    "ecr_image_info": {"repository_name": "shop"},
    "ecr_image_origin_info": {"repository_name": "shop", "image_digest": DIGEST, "image_tags": ["1"]},
    "ecr_image_scan_info": {"repository_name": "shop", "image_digest": DIGEST},
    "ecr_login": {"config_directory": "/nowhere"},
    "ecs_run_info": {"project": "p", "environment": "e", "jobs": ["j"], "run_id": "r"},
    "chaos_experiment": {
        "project": "p",
        "environment": "e",
        "experiment": "stop_task",
        "description": {"services": {"web": {"desired_count": 1, "cluster": "cluster"}}},
    },
    "ecs_queue_run": {
        "name": "prompt",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/prompts",
        "cluster": "shop",
        "task_definition": "prompt",
        "container": "prompt",
        "job": {"timeout": 60, "success_exit_codes": [0]},
        "network_configuration": {"subnets": ["subnet-1"]},
    },
    "ecs_service": {"cluster": "shop", "service": "web"},
    "ecs_task_run": {"cluster": "shop", "task_definition": "migrate"},
    "environment_info": {"project": "shop", "environment": "dev", "components": ["table"]},
    "environment_resource": {"state": "unprotected", "kind": "table", "id": "shop"},
    "iam_service_linked_role": {"service": "ecs.amazonaws.com"},
    "secret_version": {"secret_id": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:web-AbCdEf", "generate": 32},
    "ssm_parameters": {"path": "/shop/dev", "parameters": [{"name": "admin", "value": "admin"}]},
}

Runner = Callable[..., dict[str, Any]]


@pytest.fixture
def run(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Runner:
    """Return what runs a module with a configuration, as Ansible does: without a terminal, with nothing on stdin."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    # Modules that run in one process would report each other's warnings.
    monkeypatch.setattr(warnings, "_global_warnings", {})
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    # The pauses of the SDK's eight attempts take half a minute.
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    (tmp_path / "token").write_text("very-secret-token")
    for name in ("team", "https://127.0.0.1/start"):
        token = {"accessToken": "very-secret-token", "expiresAt": "2020-01-01T00:00:00Z"}
        if not request.node.name.endswith("sso-no-token]"):
            (tmp_path / f"{hashlib.sha1(name.encode()).hexdigest()}.json").write_text(json.dumps(token))
    for provider in (SSOProvider, SSOTokenProvider):
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path))
    opened = os.open

    def without_terminal(path: Any, *more: Any, **named: Any) -> int:
        if path == "/dev/tty":
            raise OSError(6, "No such device or address")
        return opened(path, *more, **named)

    monkeypatch.setattr(os, "open", without_terminal)

    def call(name: str, case: Case, /, **options: Any) -> dict[str, Any]:
        if isinstance(case.config, bytes):
            (tmp_path / "config").write_bytes(case.config)
        elif case.config is None:
            (tmp_path / "config").mkdir()
        else:
            (tmp_path / "config").write_text(case.config.replace("{folder}", str(tmp_path)))
        module = importlib.import_module(f"ansible_collections.gantry.ecs.plugins.modules.{name}")
        # No server listens there, and no request is expected.
        given = {"region": "eu-west-1", "endpoint_url": "https://127.0.0.1:9", "profile": case.profile} | options
        with (
            Path(os.devnull).open() as nothing,
            answering(*case.answer) as url,
            patch_module_args(given),
            pytest.raises(SystemExit),
        ):
            for variable, value in case.variables.items():
                monkeypatch.setenv(variable, value.replace("{url}", url))
            monkeypatch.setattr(sys, "stdin", nothing)
            module.main()
        output = capsys.readouterr().out
        assert "very-secret" not in output
        return dict(json.loads(output))

    return call


def is_reported(line: str, case: Case) -> bool:
    message, arrow, remedy = line.partition(" -> ")
    return (
        "\n" not in line and case.source in message and case.cause in message and bool(arrow) and case.remedy in remedy
    )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")
def test_preflight_reports_each_failure_and_continues(run: Runner, name: str) -> None:
    # The names are checked without credentials.
    result = run("preflight_info", CASES[name], project="ddb load", environment="dev")
    problems = [line for line in result["problems"] if line.startswith("the AWS credentials could not be verified")]
    assert len(result["problems"]) == 2 and not result.get("failed")
    assert any("ddb load" in line for line in result["problems"])
    assert f"environment dev, region eu-west-1, {CASES[name].source}" in problems[0]
    case = CASES[name]
    # Preflight has a remedy of its own: how to log in.
    assert is_reported(
        problems[0], case if "aws sso login" not in problems[0] else case._replace(remedy="aws sso login")
    )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")
def test_the_launcher_reports_each_failure_on_one_line(run: Runner, name: str) -> None:
    result = run("ecs_task_run", CASES[name], **MODULES["ecs_task_run"])
    assert result["failed"]
    assert result["msg"].startswith("cannot run task definition migrate on cluster shop (region eu-west-1")
    assert is_reported(result["msg"], CASES[name])


@pytest.mark.parametrize(
    "name", ["mfa", "process-text", "token-gone", "no-keys", "no-profile", "role-denied", "container-403"]
)
@pytest.mark.parametrize("module", MODULES)
@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")
def test_every_module_reports_them_on_one_line(run: Runner, module: str, name: str) -> None:
    result = run(module, CASES[name], **MODULES[module])
    assert result["failed"]
    assert is_reported(result["msg"], CASES[name])


def test_each_module_that_calls_aws_is_in_the_table() -> None:
    folder = Path(__file__).parents[4] / "plugins" / "modules"
    calling = {path.stem for path in folder.glob("*.py") if "AnsibleAWSModule(" in path.read_text()}
    assert calling == {*MODULES, "preflight_info"}


def test_certificates_are_ignored_without_tls(run: Runner) -> None:
    result = run("ecr_login", CASES["ca-gone"], config_directory="/nowhere", endpoint_url="http://127.0.0.1:9")
    assert "AWS_CA_BUNDLE" not in result["msg"] and "127.0.0.1:9" in result["msg"]


def test_an_untrusted_certificate_is_reported(run: Runner, tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(certificate), "-out", str(tmp_path / "signed.pem")]
    new = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run([*new, *subject, *files], check=True, capture_output=True)
    certificate.write_bytes(certificate.read_bytes() + (tmp_path / "signed.pem").read_bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with answering(200, "{}", context) as url:
        result = run("ecr_login", Case(f"[profile mine]\n{KEYS}", "", ""), config_directory="/no", endpoint_url=url)
    message, _arrow, remedy = result["msg"].partition(" -> ")
    assert "certificate verify failed" in message and "aws_ca_bundle" in remedy and "\n" not in result["msg"]
