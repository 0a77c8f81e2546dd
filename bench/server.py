# SPDX-License-Identifier: Apache-2.0
"""The server of the benchmark: nginx, which returns fixed responses of DynamoDB to PutItem and DescribeTable."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SETUP = "run bench/setup.sh"
START_TRIES = 3
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
CONTENT_TYPE = "application/x-amz-json-1.0"
# As long and of the same alphabet as DynamoDB's.
REQUEST_ID = "BENCH0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789A"
TABLE = "bench"
ANSWERS = {
    "PutItem": {
        "ConsumedCapacity": {"TableName": TABLE, "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}},
    },
    "DescribeTable": {
        "Table": {
            "TableName": TABLE,
            "TableStatus": "ACTIVE",
            "TableArn": f"arn:aws:dynamodb:us-east-1:000000000000:table/{TABLE}",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
            "ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0, "NumberOfDecreasesToday": 0},
            "WarmThroughput": {
                "ReadUnitsPerSecond": 12000,
                "WriteUnitsPerSecond": 4000,
                "Status": "ACTIVE",
            },
            "ItemCount": 0,
            "TableSizeBytes": 0,
        }
    },
}
UNKNOWN = {"__type": "com.amazon.coral.service#UnknownOperationException", "message": "not in the benchmark"}


class BenchError(Exception):
    """The benchmark cannot continue; the text states the cause and the remedy in one line."""


class Server(NamedTuple):
    """A running server."""

    plain_url: str
    tls_url: str
    # Like plain_url, and the log has the arrival time of each PutItem.
    logged_url: str
    log: Path
    certificate: Path

    def first_put_s(self) -> float | None:
        """Return when the first logged PutItem arrived, in seconds since the epoch, to the millisecond."""
        with self.log.open(encoding="ascii") as lines:
            line = lines.readline()
        return float(line) if line.endswith("\n") else None


@contextmanager
def running(core: int, tls: Path) -> Iterator[Server]:
    """Run the server in the foreground on free ports of the loopback, and stop it at the end.

    Args:
        core: the CPU that it is pinned to.
        tls: directory with ``certificate.pem`` and ``key.pem``.

    Raises:
        BenchError: nginx or the certificate is missing, or nginx does not start.
    """
    nginx = find("nginx")
    if not (tls / "key.pem").exists():
        raise BenchError(f"there is no certificate in {tls}: {SETUP}")
    with tempfile.TemporaryDirectory(prefix="ddbload-bench-") as name:
        directory = Path(name)
        for attempt in range(START_TRIES):
            ports = _free_ports(3)
            (directory / "nginx.conf").write_text(configuration(ports, tls), encoding="utf-8")
            (directory / "put.log").write_text("", encoding="ascii")
            command = [
                find("taskset"),
                "--cpu-list",
                str(core),
                nginx,
                "-p",
                name,
                "-c",
                "nginx.conf",
                "-e",
                "error.log",
            ]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            try:
                if _is_ready(process, ports[-1]):
                    yield Server(
                        plain_url=f"http://127.0.0.1:{ports[0]}",
                        tls_url=f"https://127.0.0.1:{ports[1]}",
                        logged_url=f"http://127.0.0.1:{ports[2]}",
                        log=directory / "put.log",
                        certificate=tls / "certificate.pem",
                    )
                    return
            finally:
                _stop(process)
            if attempt == START_TRIES - 1:
                errors = (directory / "error.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise BenchError(f"nginx does not start: {errors[-1] if errors else 'it says nothing'}")


def find(name: str) -> str:
    """Return the path of a program.

    Raises:
        BenchError: it is not installed.
    """
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not path:
        raise BenchError(f"{name} is not installed: {SETUP}")
    return path


def configuration(ports: tuple[int, ...], tls: Path) -> str:
    """Return nginx's configuration for a plain port, one with TLS, and a plain one whose PutItems are logged."""
    plain, secure, logged = ports
    answers = {f"DynamoDB_20120810.{name}": _encode(document) for name, document in ANSWERS.items()}
    unknown = _encode(UNKNOWN)
    bodies = "\n".join(f"        {target} '{body}';" for target, body in answers.items())
    checksums = "\n".join(f"        {target} {zlib.crc32(body.encode())};" for target, body in answers.items())
    location = f"""
        location / {{
            if ($known = 0) {{ return 400 '{unknown}'; }}
            return 200 $answer;
        }}"""
    return f"""
daemon off;
master_process off;
pid nginx.pid;
error_log error.log error;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    server_tokens off;
    default_type {CONTENT_TYPE};
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    client_body_buffer_size 64k;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    map $http_x_amz_target $answer {{
        default '';
{bodies}
    }}
    map $http_x_amz_target $checksum {{
        default {zlib.crc32(unknown.encode())};
{checksums}
    }}
    map $answer $known {{ default 1; '' 0; }}
    map $http_x_amz_target $is_put {{ default 0; DynamoDB_20120810.PutItem 1; }}
    add_header x-amzn-RequestId {REQUEST_ID} always;
    add_header x-amz-crc32 $checksum always;
    log_format arrival '$msec';
    server {{
        listen 127.0.0.1:{plain} backlog=1024;{location}
    }}
    server {{
        listen 127.0.0.1:{secure} ssl backlog=1024;
        ssl_certificate {tls.resolve()}/certificate.pem;
        ssl_certificate_key {tls.resolve()}/key.pem;
        ssl_protocols TLSv1.3;{location}
    }}
    server {{
        listen 127.0.0.1:{logged} backlog=1024;
        access_log put.log arrival if=$is_put;{location}
    }}
}}
"""


def _encode(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))


def _free_ports(count: int) -> tuple[int, ...]:
    taken = [socket.socket() for _caller in range(count)]
    try:
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return tuple(int(each.getsockname()[1]) for each in taken)
    finally:
        for each in taken:
            each.close()


def _is_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server takes connections; False where it ended instead."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
