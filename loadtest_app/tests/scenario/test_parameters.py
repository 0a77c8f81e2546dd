# SPDX-License-Identifier: Apache-2.0
"""Scenarios from SSM: the mapping of names, its checks, and the reading of parameters."""

import json
import os
import subprocess
import sys
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber
from ddbload.scenario import parameters as sources
from ddbload.scenario.parameters import SourceError, from_parameters, read_parameters
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

PATH = "/project/dev"
CLASSIC = {
    "concurrency-limit": "100",
    "total-items": "50000",
    "max-concurrency-percentage": "80",
    "inject-duplicates": "true",
    "duplicate-percentage": "2.5",
    "cleanup-after-test": "False",
    "table-name": "test-table",
}


def under(parameters: dict[str, str], path: str = PATH) -> dict[str, str]:
    return {f"{path}/{name}": value for name, value in parameters.items()}


def problems_of(parameters: dict[str, str]) -> list[str]:
    with pytest.raises(SourceError) as caught:
        from_parameters(under(parameters), PATH)
    return caught.value.problems


def test_the_classic_names_make_a_classic_plan() -> None:
    assert from_parameters(under(CLASSIC), PATH) == {
        "plan": {
            "type": "classic",
            "concurrency_limit": 100,
            "total_items": 50_000,
            "max_concurrency_percentage": 80,
            "inject_duplicates": True,
            "duplicate_percentage": 2.5,
        },
        "cleanup": False,
        "table": "test-table",
    }


def test_missing_fields_of_a_classic_plan_have_defaults() -> None:
    plan = from_parameters(under({"concurrency-limit": "10", "total-items": " 20\n"}), f"{PATH}/")["plan"]
    assert plan == {
        "type": "classic",
        "concurrency_limit": 10,
        "total_items": 20,
        "max_concurrency_percentage": 100,
        "inject_duplicates": False,
        "duplicate_percentage": 0,
    }


def test_settings_without_a_plan_define_none() -> None:
    assert from_parameters(under({"table-name": "test-table", "image-tag": "abc"}), PATH) == {"table": "test-table"}


def test_a_whole_scenario_is_returned_unchanged() -> None:
    scenario = {"table": "test-table", "plan": {"type": "closed", "concurrency": 4}, "mix": {"put": 1}}
    neighbours = {"image-tag": "abc"}
    assert from_parameters(under({"scenario": json.dumps(scenario), **neighbours}), PATH) == scenario


@pytest.mark.parametrize("value", ["5", "many", ""])
def test_former_capacity_parameters_are_ignored(value: str) -> None:
    """An environment that still has them works; the stack of the table sets its capacity."""
    former = {"read-capacity-units": value, "write-capacity-units": value}
    assert from_parameters(under(CLASSIC | former), PATH) == from_parameters(under(CLASSIC), PATH)
    assert from_parameters(under(former), PATH) == {}


@pytest.mark.parametrize(
    "foreign", [{f"{PATH}/vpc-id": "vpc-1"}, {f"{PATH}2/total-items": "x"}, {f"{PATH}/deeper/total-items": "x"}, {}]
)
def test_other_parameters_are_ignored(foreign: dict[str, str]) -> None:
    assert from_parameters(foreign, PATH) == {}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("concurrency-limit", "0", 'must be a whole number from 1 to 10,000, got "0"'),
        ("concurrency-limit", "1e3", 'got "1e3"'),
        ("total-items", "-5", 'got "-5"'),
        ("total-items", "", 'got ""'),
        ("total-items", "x" * 100, f'got "{"x" * 56}...'),
        ("max-concurrency-percentage", "101", "from 1 to 100"),
        ("inject-duplicates", "yes", 'must be true or false, got "yes"'),
        ("duplicate-percentage", "100", "must be a number from 0 to below 100"),
        ("cleanup-after-test", "1", "must be true or false"),
        ("table-name", "a table", "must be the name of a table"),
    ],
)
def test_the_value_of_a_known_name_is_checked(name: str, value: str, words: str) -> None:
    (problem,) = problems_of(CLASSIC | {name: value})
    assert problem.startswith(f"{PATH}/{name}: ")
    assert words in problem


def test_all_problems_are_listed() -> None:
    problems = problems_of({"inject-duplicates": "true", "cleanup-after-test": "maybe"})
    assert problems == [
        f'{PATH}/cleanup-after-test: must be true or false, got "maybe"',
        f"{PATH}/concurrency-limit: must be a whole number from 1 to 10,000, but is missing",
        f"{PATH}/total-items: must be a whole number from 1 to 1,000,000,000,000, but is missing",
        f"{PATH}/duplicate-percentage: must be a number from 0 to below 100, but is missing",
    ]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"scenario": "{}", "total-items": "5", "table-name": "test"}, "must not stand beside total-items, table-name"),
        ({"scenario": "{"}, "must be a scenario in JSON, but "),
        ({"scenario": "[1]"}, 'must be a JSON object, got "[1]"'),
    ],
)
def test_an_invalid_scenario_is_refused(parameters: dict[str, str], words: str) -> None:
    (problem,) = problems_of(parameters)
    assert words in problem


@given(st.dictionaries(st.sampled_from([*CLASSIC, "scenario", "other"]), st.text(max_size=20) | st.just("5")))
def test_any_text_is_a_document_or_problems_of_one_line(parameters: dict[str, str]) -> None:
    try:
        document = from_parameters(under(parameters), PATH)
    except SourceError as error:
        assert error.problems
        assert all(problem.startswith(f"{PATH}/") and len(problem.splitlines()) == 1 for problem in error.problems)
    else:
        assert isinstance(document, dict)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def client() -> Any:
    return ssm()


def ssm() -> Any:
    return botocore.session.get_session().create_client("ssm", region_name="eu-west-1")


@mock_aws
def test_parameters_are_read_page_by_page_and_decrypted(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    kept = under(CLASSIC | {"more": "1", "than": "2", "a": "3", "page": "4"})
    emulated = ssm()
    for name, value in {**kept, f"{PATH}/deeper/total-items": "7", f"{PATH}2/total-items": "8"}.items():
        emulated.put_parameter(Name=name, Value=value, Type="SecureString" if name.endswith("limit") else "String")
    assert read_parameters(f"{PATH}/", None, None) == kept


@mock_aws
def test_an_empty_path_is_reported(credentials: None) -> None:
    with pytest.raises(SourceError, match=f"^{PATH}: SSM holds no parameters directly under it"):
        read_parameters(PATH, "eu-west-1", None)


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (
            "AccessDeniedException",
            "User: x is not authorized to perform: ssm:GetParametersByPath",
            "allow the task's role ssm:GetParametersByPath on parameter/project/dev and parameter/project/dev/*",
        ),
        ("AccessDeniedException", "The ciphertext refers to a key\nthat you may not use", "kms:Decrypt"),
        ("ExpiredTokenException", "The security token is expired", "log in again"),
        ("InternalServerError", "sorry", "SSM refuses to read it: InternalServerError: sorry"),
    ],
)
def test_a_refusal_has_a_remedy(
    code: str, message: str, words: str, client: Any, credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(botocore.session.Session, "create_client", lambda *_arguments, **_settings: client)
    with Stubber(client) as stubber, pytest.raises(SourceError) as caught:
        expected = {"Path": PATH, "Recursive": False, "WithDecryption": True}
        stubber.add_client_error("get_parameters_by_path", code, message, expected_params=expected)
        read_parameters(PATH, None, None)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{PATH}: ") and words in problem and "\n" not in problem


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/aws/dev", "begin with aws or ssm"),
        ("/SSM-tests/dev", "begin with aws or ssm"),
        ("project/dev", "must be a path"),
        ("/", "must be a path"),
        ("/project//dev", "must be a path"),
        ("/a" * 15, "must be a path"),
    ],
)
def test_path_that_ssm_refuses_is_not_requested(path: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read_parameters(path, "eu-west-1", "http://127.0.0.1:1")


def test_a_missing_region_is_reported(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(SourceError, match="no AWS region is known"):
        read_parameters(PATH, None, None)


def test_a_silent_endpoint_is_reported(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_ATTEMPTS", 1)
    with pytest.raises(SourceError, match="SSM does not answer"):
        read_parameters(PATH, "eu-west-1", "http://127.0.0.1:1")


def test_only_a_read_from_ssm_imports_botocore() -> None:
    script = "import ddbload.scenario.parameters, sys; sys.exit('botocore' in sys.modules)"
    search_path = os.pathsep.join(sys.path)
    assert subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": search_path}, check=False).returncode == 0
