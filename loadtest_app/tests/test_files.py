# SPDX-License-Identifier: Apache-2.0
"""Files, addresses and names from outside: their content is never shown, and none of them hangs a command."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import ENVIRONMENT, run
from ddbload import files
from ddbload.files import FileError, read_lines, read_text
from server import Server

SECRET = "planted-secret"
USER_AND_PASSWORD = f"http://bob:{SECRET}@127.0.0.1:1"


def ddbload(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command; one that hangs fails its test."""
    return subprocess.run(
        [sys.executable, "-m", "ddbload", *arguments],
        env=ENVIRONMENT | {"DDBLOAD_TABLE": "test-table"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def replayed(path: object) -> list[str]:
    """Return the command that checks a scenario which replays a file."""
    return ["validate", "--scenario", json.dumps({"plan": {"type": "replay", "file": str(path)}})]


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_content_of_a_recording_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "arrivals"
    path.write_text(f"0\n{SECRET}\n")
    done = ddbload(*replayed(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{path}:2: no number of seconds: a line begins with seconds" in done.stderr
    assert SECRET not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("path", ["/proc/self/environ", "/dev/zero", "/dev/stdin", "/proc/self/mem", "/tmp"])
def test_only_a_regular_file_is_read(path: str) -> None:
    done = ddbload(*replayed(path), PLANTED=SECRET)
    assert done.returncode == 2
    assert done.stderr.startswith("scenario: plan.file: ")
    assert path in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", "--scenario"],
        ["merge", "--output", "/dev/null"],
        ["report"],
        ["hlog", "--output", "/dev/null"],
        ["compare", "/dev/null"],
        ["verify"],
        ["clean"],
    ],
)
@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "folder"])
def test_no_command_reads_an_endless_file(arguments: list[str], kind: str, pipe: Path) -> None:
    path = {"pipe": str(pipe), "folder": str(pipe.parent)}.get(kind, kind)
    done = ddbload(*arguments, path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot read {'/dev/null' if 'compare' in arguments else path}: it is a " in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_pipe_in_a_scenario_does_not_block(pipe: Path) -> None:
    assert "it is a device, pipe or socket" in ddbload(*replayed(pipe)).stderr


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(FileError, match=r"it has 1,000,000,000,000 bytes, .* are allowed"):
        read_text(path)


def test_a_file_that_is_a_secret_is_no_scenario(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    for text in (f'"{SECRET}"', f'["{SECRET}"]', SECRET):
        path.write_text(text)
        done = ddbload("validate", "--scenario", str(path))
        assert done.returncode == 2
        assert SECRET not in done.stderr


def test_text_is_read_with_and_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "text"
    for content in (b"\xef\xbb\xbf\xc3\xa9", b"\xc3\xa9"):
        path.write_bytes(content)
        assert read_text(path) == "\xe9"
    path.write_bytes(b"a\xff")
    assert read_text(path, errors="replace") == "a\ufffd"
    with pytest.raises(FileError, match=f"cannot read {path}: byte 1 is no UTF-8"):
        read_text(path)
    with pytest.raises(FileError, match="No such file"):
        read_text(tmp_path / "none")
    assert files.LARGEST_BYTES > files.MEGABYTE


def test_lines_are_read_one_by_one(tmp_path: Path) -> None:
    """Lines are those of the text, with and without an end of the last one; other line ends stay."""
    path = tmp_path / "lines"
    path.write_bytes(b"\xef\xbb\xbfa\xff\n\nb\r\nc\x0bd")
    assert list(read_lines(path)) == ["a\ufffd", "", "b\r", "c\x0bd"]
    path.write_bytes(b"a\n")
    assert list(read_lines(path)) == ["a"]
    with pytest.raises(FileError, match="it has 2 bytes, 1 are allowed"):
        list(read_lines(path, 1))
    with pytest.raises(FileError, match="it is a folder"):
        list(read_lines(tmp_path))
    with pytest.raises(FileError, match="No such file"):
        list(read_lines(tmp_path / "none"))


# ---- Addresses


@pytest.mark.parametrize(
    ("more", "environment"),
    [
        (["--endpoint-url", USER_AND_PASSWORD], {}),
        ([], {"AWS_ENDPOINT_URL": USER_AND_PASSWORD}),
        ([], {"AWS_ENDPOINT_URL_DYNAMODB": USER_AND_PASSWORD}),
        ([], {"AWS_CONFIG_FILE": "config"}),
        ([], {"AWS_ENDPOINT_URL": USER_AND_PASSWORD, "DDBLOAD_SSM_PATH": "/project/dev"}),
        ([], {"AWS_ENDPOINT_URL_SSM": USER_AND_PASSWORD, "DDBLOAD_SSM_PATH": "/project/dev"}),
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(
    more: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\nendpoint_url = {USER_AND_PASSWORD}\n")
    if "AWS_CONFIG_FILE" in environment:
        environment = {"AWS_CONFIG_FILE": str(config)}
    done = ddbload("run", "--run-id", "r", *more, **environment)
    (line,) = done.stdout.splitlines()
    event = json.loads(line)
    assert (done.returncode, event["exit_code"], event["reason"]) == (2, 2, "bad_configuration")
    assert "has a user or a password in" in event["message"]
    assert SECRET not in done.stdout + done.stderr
    assert "bob" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["verify", "clean"])
def test_commands_after_a_run_refuse_it_too(command: str, tmp_path: Path) -> None:
    from ddbload.results.file import save

    with Server() as server:
        seen = run(server.url, {"plan": {"rate": 50, "duration": 1}})
    file = tmp_path / "results.json"
    save(file, seen.results)
    done = ddbload(command, str(file), "--endpoint-url", USER_AND_PASSWORD)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "has a user or a password in it" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://host", "http://", "http://host:no", "http://host:99999", "x"])
def test_an_invalid_address_is_refused(url: str) -> None:
    done = ddbload("run", f"--endpoint-url={url}")
    (line,) = done.stdout.splitlines()
    assert (done.returncode, json.loads(line)["reason"]) == (2, "bad_configuration")
    assert "the endpoint's URL is none of HTTP" in json.loads(line)["message"]


def test_expired_credentials_are_no_fault_of_the_table() -> None:
    with Server() as server:
        address = ("--endpoint-url", server.url)
        done = ddbload("run", *address, AWS_CREDENTIAL_EXPIRATION="2020-01-01T00:00:00Z", AWS_SESSION_TOKEN=SECRET)
    message = json.loads(done.stdout)["message"]
    assert (done.returncode, done.stderr) == (5, "")
    assert message.startswith("no AWS credentials were found (")
    assert "still expired" in message and SECRET not in message


# ---- Names of runs


@pytest.mark.parametrize("run_id", ["--help", "-x", ".hidden", "../up", "a b", "a/b", "a\nb", "\u00e9", "a" * 129])
def test_an_ambiguous_run_id_is_refused(run_id: str) -> None:
    for done in (ddbload("run", f"--run-id={run_id}"), ddbload("run", DDBLOAD_RUN_ID=run_id)):
        (line,) = done.stdout.splitlines()
        event = json.loads(line)
        assert (done.returncode, event["exit_code"]) == (2, 2)
        assert "--run-id: must have up to 128 letters, digits, dots, - and _, and begin with" in event["message"]
    done = ddbload("merge", "/dev/null", "--output", "/dev/null", f"--run-id={run_id}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--run-id: must have up to 128 letters" in done.stderr


@pytest.mark.parametrize("run_id", ["1.2.3", "monday", "20260131T120000Z-3f7868", "a-_.b"])
def test_a_run_id_may_be_a_version(run_id: str) -> None:
    scenario: dict[str, Any] = {"plan": {"rate": 50, "duration": 1}, "processes": 2}
    with Server() as server:
        seen = run(server.url, scenario, f"--run-id={run_id}")
    assert (seen.code, seen.results["run_id"]) == (0, run_id)


def test_a_value_with_a_leading_dash_reaches_every_worker() -> None:
    with Server() as server:
        scenario = {"plan": {"rate": 50, "duration": 1}, "processes": 2}
        seen = run(server.url, scenario, "--set=keys.prefix=-x", "--region=-east")
        assert {item["pk"]["S"][:3] for item in server.table} == {"-x#"}
    assert (seen.code, seen.results["region"]) == (0, "-east")


def test_a_write_that_fails_leaves_no_scratch_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a surrogate pair cannot be encoded: the old content stays, without a scratch file beside it."""
    path = tmp_path / "results.json"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        files.write_text(path, "x" * 100_000 + "\ud800")
    monkeypatch.setattr(Path, "replace", lambda _path, _target: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        files.write_text(path, "after")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("before", [path])
