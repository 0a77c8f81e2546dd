# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded AWS refuses the requests of web pages and of other users, and accepts the same requests of its user."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.exceptions import ClientError
from emulator_env import ROOT, EmulatorEnv
from hostile_pages import ICON, PAGES, Site, calls, chromium, page, site, stack, visit
from ports import free_port

FOREIGN = "evil.example"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NOBODY = 65534


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorEnv]:
    """An empty embedded AWS."""
    made = EmulatorEnv(free_port(), tmp_path_factory.mktemp("running"))
    assert made.play("playbooks/local-aws.yml").code == 0
    yield made
    made.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


@pytest.fixture(scope="module")
def shown() -> Iterator[Site]:
    with site() as made:
        yield made


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = chromium()
    program = driver.find()
    if not program:
        pytest.skip(f"NOT TESTED IN A BROWSER: {driver.MISSING}")
    rules = f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1"
    with driver.Browser(program, tmp_path_factory.mktemp("profile"), rules) as started:
        yield started


def url(emulator: EmulatorEnv, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{emulator.port}/"


def signed(key: str, service: str) -> dict[str, str]:
    scope = f"{key}/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"}


def send(
    emulator: EmulatorEnv, headers: dict[str, str], body: bytes = b"", method: str = "POST", path: str = ""
) -> tuple[int, str]:
    request = Request(url(emulator) + path, body or None, headers, method=method)
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def stacks(emulator: EmulatorEnv) -> list[str]:
    return [found["StackName"] for found in emulator.client("cloudformation").list_stacks()["StackSummaries"]]


def made_within(marker: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return marker.exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", FOREIGN])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_in_a_browser_creates_a_stack(
    running: EmulatorEnv, shown: Site, browser: Any, tmp_path: Path, name: str, host: str
) -> None:
    fields = stack(tmp_path / "made")
    with site() as unguarded:
        kept = f"http://127.0.0.1:{unguarded.port}/"
        shown.pages["/"] = page(name, kept, fields)
        held_back = visit(browser, f"http://{host}:{shown.port}/", kept) == [0]
        # The page does send the request, unless the browser itself keeps pages from the loopback.
        assert unguarded.received == ([] if held_back else ["CreateStack"])
        assert not held_back or name not in ("form", "link")
    shown.pages["/"] = page(name, url(running), fields)
    assert set(visit(browser, f"http://{host}:{shown.port}/", url(running))) <= {0, 403}
    assert stacks(running) == []
    assert not (tmp_path / "made").exists()


def test_the_icon_of_a_site_is_no_call_of_its_page() -> None:
    """The browser requests a site's icon on its own: only what the page requests counts, also where it is held back."""
    there = "http://127.0.0.1:1/"
    sent = "Network.requestWillBeSent"
    events: list[dict[str, Any]] = [
        {"method": sent, "params": {"requestId": number, "request": {"url": address}}}
        for number, address in (("1", there), ("2", there + ICON[1:]), ("3", there + "?Action=Any"), ("4", "http://b/"))
    ]
    assert calls(events, there) == {"1": None, "3": None}
    events += [
        {
            "method": "Network.responseReceived",
            "params": {"requestId": number, "response": {"url": there, "status": 403}},
        }
        for number in "12"
    ]
    events.append({"method": "Network.loadingFailed", "params": {"requestId": "3"}})
    assert calls(events, there) == {"1": 403, "3": 0}


def test_page_with_its_own_host_name_reads_nothing(running: EmulatorEnv, browser: Any) -> None:
    there = url(running, FOREIGN)
    assert visit(browser, there, there) == [403]
    text = browser.evaluate("fetch('/_ministack/health').then(answer => answer.text())")
    assert "refuses this request" in text and "services" not in text


def test_same_request_with_the_secret_runs_its_code(running: EmulatorEnv, tmp_path: Path) -> None:
    marker = tmp_path / "made"
    body = urlencode(stack(marker)).encode()
    for headers in (FORM, FORM | signed("test", "cloudformation")):
        status, text = send(running, headers, body)
        assert status == 403 and "<Code>InvalidClientTokenId</Code>" in text and "make env" in text
    assert not marker.exists() and stacks(running) == []
    assert send(running, FORM | signed(running.key, "cloudformation"), body)[0] == 200
    assert made_within(marker, 60)
    running.client("cloudformation").delete_stack(StackName="made-by-a-page")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("OPTIONS", "", {}),
        ("GET", "?Action=ListStacks&Version=2010-05-15", {}),
        ("HEAD", "?Action=ListStacks&Version=2010-05-15", {}),
        ("POST", "", {"Host": "evil.example"}),
        ("POST", "", {"Origin": "http://127.0.0.1"}),
        ("GET", "_ministack/health", {"Sec-Fetch-Site": "none"}),
        ("GET", "_ministack/health", {"Referer": "http://127.0.0.1"}),
    ],
)
def test_browser_headers_are_refused_also_with_the_secret(
    running: EmulatorEnv, method: str, path: str, headers: dict[str, str]
) -> None:
    assert send(running, signed(running.key, "sts"), method="GET", path="_ministack/health")[0] == 200
    assert send(running, signed(running.key, "sts") | headers, method=method, path=path)[0] == 403


def test_no_response_allows_another_origin(running: EmulatorEnv) -> None:
    request = Request(url(running) + "_ministack/health", headers=signed(running.key, "sts"))
    for each in (request, Request(url(running) + f"_ddbload/health?{'0' * 32}")):
        with urlopen(each, timeout=30) as answer:
            assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_a_websocket_is_refused(running: EmulatorEnv) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("ecs", "list_clusters", {}),
        ("ec2", "describe_vpcs", {}),
        ("cloudformation", "list_stacks", {}),
        ("cloudwatch", "list_metrics", {}),
        ("lambda", "list_functions", {}),
        ("s3", "list_objects", {"Bucket": "any"}),
        ("iam", "list_roles", {}),
    ],
)
def test_an_sdk_with_another_key_shows_what_to_do(
    running: EmulatorEnv, service: str, call: str, arguments: dict[str, str]
) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client = boto3.client(service, endpoint_url=url(running), **keys)
    with pytest.raises(
        ClientError, match=r'refuses this request, .* -> call from a shell that may: eval "\$\(make env'
    ):
        getattr(client, call)(**arguments)


@pytest.mark.parametrize("service", ["lambda", "kinesis", "sesv2", "firehose"])
def test_unused_service_is_refused_by_name(running: EmulatorEnv, service: str) -> None:
    calls: dict[str, tuple[str, dict[str, str]]] = {
        "lambda": ("list_functions", {}),
        "kinesis": ("list_streams", {}),
        "sesv2": ("get_account", {}),
        "firehose": ("list_delivery_streams", {}),
    }
    call, arguments = calls[service]
    name = service.removesuffix("v2")  # the name that requests to it are signed with
    with pytest.raises(ClientError, match=f"the embedded AWS has no {name} -> it serves .*dynamodb"):
        getattr(running.client(service), call)(**arguments)


def test_registry_accepts_the_authorization_token_of_ecr(running: EmulatorEnv) -> None:
    assert send(running, {}, method="GET", path="v2/")[0] == 401
    token = running.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert send(running, {"Authorization": f"Basic {token}"}, method="GET", path="v2/")[0] == 200


def test_files_are_private_and_removed_at_the_stop(running: EmulatorEnv) -> None:
    folder = running.directory / "local-aws"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        if not path.is_socket():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.parent != folder, path
    secret = running.key.encode()
    for process in ("ministack", "process-engine"):
        pid = json.loads((folder / f"{process}.pid").read_text())["pid"]
        assert secret not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert secret not in Path(f"/proc/{pid}/environ").read_bytes()
        assert secret not in (folder / f"{process}.log").read_bytes()


def test_make_env_gives_a_shell_access(running: EmulatorEnv) -> None:
    folder = running.directory / "local-aws"
    call = "import boto3; print(boto3.client('ecs').list_clusters()['clusterArns'])"
    script = f'eval "$(make env LOCAL_AWS=\'{folder}\')" && {sys.executable} -c "{call}"'
    astray = {"AWS_ACCESS_KEY_ID": "another", "AWS_PROFILE": "prod", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    done = subprocess.run(
        ["sh", "-c", script], cwd=ROOT, env=os.environ | astray, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 and done.stdout.strip() == "[]", done.stdout + done.stderr


def test_make_env_prints_no_commands_where_nothing_runs(tmp_path: Path) -> None:
    # The make that runs this test adds its own warnings.
    own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    command = ["make", "env", f"LOCAL_AWS={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and done.stdout == ""
    assert done.stderr.splitlines()[0] == f"the embedded AWS of {tmp_path} does not run -> start it: make demo"


def as_nobody(*command: str) -> subprocess.CompletedProcess[str]:
    identity = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return subprocess.run(
        ["setpriv", *identity, *command], cwd="/", capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("curl"),
    reason="NOT TESTED AS ANOTHER USER: it takes root, setpriv and curl",
)
def test_another_user_is_refused(running: EmulatorEnv) -> None:
    def ask(key: str) -> str:
        header = signed(key, "ecs")["Authorization"]
        target = "X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters"
        arguments = ["--header", f"Authorization: {header}", "--header", target, "--data", "{}", url(running)]
        return as_nobody("curl", "--silent", "--noproxy", "*", *arguments).stdout

    assert "clusterArns" in ask(running.key)  # the secret gives access, so its absence caused the refusals
    for key in ("test", "000000000000", ""):
        assert "refuses this request" in ask(key)
    folder = running.directory / "local-aws"
    for path in (folder / "credentials", folder / "ministack.log", folder / "engine" / "engine.sock"):
        assert path.exists()
        assert "Permission denied" in as_nobody("cat", str(path)).stderr
    engine = as_nobody("curl", "--silent", "--show-error", "--unix-socket", str(path), "http://localhost/_ping")
    assert engine.returncode != 0 and "OK" not in engine.stdout
