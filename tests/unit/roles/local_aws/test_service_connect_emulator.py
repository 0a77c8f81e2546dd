# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service Connect, host names and file systems in the embedded AWS, with real tasks and a real Envoy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from embedded import Embedded, embedded_aws
from emulators import IMAGE
from waiting import waited

# Responds with its version to each request, and leaves no connection open.
SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ["VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
ThreadingHTTPServer((os.environ["TASK_ADDRESS"], 8080), Handler).serve_forever()
"""
# Requests a URL again and again, and writes after each request what it has seen so far.
CLIENT = """
import collections, json, os, pathlib, time, urllib.request, urllib.error
seen, report = collections.Counter(), pathlib.Path(os.environ["REPORT"])
while True:
    try:
        seen[urllib.request.urlopen(os.environ["URL"], timeout=5).read().decode()] += 1
    except urllib.error.HTTPError as error:
        seen[str(error.code)] += 1
    except urllib.error.URLError as error:
        seen[type(error.reason).__name__] += 1
    except Exception as error:
        seen[repr(error)] += 1
    draft = report.with_suffix(".new")
    draft.write_text(json.dumps(seen))
    draft.replace(report)
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def embedded() -> Iterator[Embedded]:
    with embedded_aws() as running:
        running.push_image()
        yield running


@pytest.fixture
def name() -> str:
    return f"t{uuid4().hex[:8]}"


def task(program: str, variables: dict[str, str], **definition: Any) -> dict[str, Any]:
    environment = [{"Name": key, "Value": value} for key, value in variables.items()]
    container = {"Name": "main", "Image": IMAGE, "Command": ["python3", "-c", program], "Environment": environment}
    container |= definition.pop("container", {})
    properties = {"NetworkMode": "awsvpc", "ContainerDefinitions": [container], **definition}
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}


def service(definition: str, count: int, connect: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": definition}, "DesiredCount": count}
    return {
        "Type": "AWS::ECS::Service",
        "Properties": {**given, "ServiceConnectConfiguration": {"Enabled": True, **connect}},
        **more,
    }


def mesh(name: str, report: Path, *, version: str = "one", namespace: str = "HttpNamespace") -> dict[str, Any]:
    """Return a namespace with a client, and a server of two tasks that is created after it."""
    arn = {"Fn::GetAtt": ["Namespace", "Arn"]}
    port = {"PortMappings": [{"ContainerPort": 8080, "Name": "web", "AppProtocol": "http"}]}
    published = [{"PortName": "web", "ClientAliases": [{"Port": 8000, "DnsName": "server"}]}]
    vpc = {"Vpc": "vpc-1"} if namespace == "PrivateDnsNamespace" else {}
    return {
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": name}},
        "Namespace": {"Type": f"AWS::ServiceDiscovery::{namespace}", "Properties": {"Name": name, **vpc}},
        "ServerTask": task(SERVER, {"VERSION": version}, container=port),
        "ClientTask": task(CLIENT, {"URL": "http://server:8000/", "REPORT": str(report)}),
        "Client": service("ClientTask", 1, {"Namespace": {"Ref": "Cluster"}}, DependsOn="Namespace"),
        "Server": service("ServerTask", 2, {"Namespace": arn, "Services": published}, DependsOn="Client"),
    }


def seen(report: Path) -> dict[str, int]:
    return dict(json.loads(report.read_text())) if report.exists() else {}


def test_services_reach_each_other_by_name(embedded: Embedded, name: str, tmp_path: Path) -> None:
    """A client that starts before the server resolves its name; a rolling update of the server fails no request."""
    report = tmp_path / "report"
    stack = embedded.create(mesh(name, report))
    assert (stack.status, stack.reasons) == ("CREATE_COMPLETE", [])
    waited(lambda: seen(report).get("one", 0) > 20)
    before = seen(report)
    # Until the server exists, its name does not resolve; then it has no task for a moment.
    assert before.keys() <= {"one", "503", "gaierror"}
    updated = embedded.update(stack, mesh(name, report, version="two"))
    assert (updated.status, updated.reasons) == ("UPDATE_COMPLETE", [])
    waited(lambda: seen(report).get("two", 0) > 20)
    after = seen(report)
    assert {key: count for key, count in after.items() if key not in ("one", "two")} == {
        key: count for key, count in before.items() if key != "one"
    }
    assert embedded.delete(stack) == "DELETE_COMPLETE"
    waited(lambda: embedded.envoy is None)


RESOLVER = """
import os, socket
for name in os.environ["NAMES"].split():
    try:
        print(name, socket.gethostbyname(name), flush=True)
    except OSError as error:
        print(name, type(error).__name__, flush=True)
print("own", os.environ["TASK_ADDRESS"], flush=True)
"""


def test_a_namespace_does_not_see_another_ones_names(embedded: Embedded, name: str, tmp_path: Path) -> None:
    """Two namespaces publish one name; a task of RunTask is a client of none."""
    reports = {color: tmp_path / color for color in ("red", "blue")}
    stacks = []
    for color, report in reports.items():
        resources = mesh(f"{name}-{color}", report, version=color, namespace="PrivateDnsNamespace")
        resources["Server"]["Properties"]["DesiredCount"] = 1
        # Without it, the port is served by TCP.
        del resources["ServerTask"]["Properties"]["ContainerDefinitions"][0]["PortMappings"][0]["AppProtocol"]
        resources["Server"]["DependsOn"], resources["Client"]["DependsOn"] = [], "Server"
        stacks.append(embedded.create(resources))
    assert [stack.reasons for stack in stacks] == [[], []]
    for color, report in reports.items():
        waited(lambda color=color, report=report: seen(report).get(color, 0) > 5)
        assert seen(report).keys() == {color}
    lines = resolved(embedded, name, ["server", "localhost"])
    assert lines["server"] == "gaierror"
    assert lines["localhost"] == lines["own"]
    assert [embedded.delete(stack) for stack in stacks] == ["DELETE_COMPLETE"] * 2


def resolved(embedded: Embedded, name: str, names: list[str]) -> dict[str, str]:
    """Return what a task of RunTask resolves names to."""
    made = embedded.create(
        {
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/{name}"}},
            "Task": task(RESOLVER, {"NAMES": " ".join(names)}, container=logged(name)),
        }
    )
    assert embedded.run(made.ids["Task"])["containers"][0]["exitCode"] == 0
    lines = waited(lambda: len(found := embedded.lines(f"/{name}")) > len(names) and found)
    embedded.delete(made)
    return dict(line.split() for line in lines)


def logged(name: str) -> dict[str, Any]:
    options = {"awslogs-group": f"/{name}", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "a"}
    return {"LogConfiguration": {"LogDriver": "awslogs", "Options": options}}


def test_records_of_route_53_resolve_in_a_task(embedded: Embedded, name: str) -> None:
    zone = {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": f"{name}.example.com"}}

    def record(label: str, kind: str, value: str) -> dict[str, Any]:
        given = {"HostedZoneId": {"Ref": "Zone"}, "Name": f"{label}.{name}.example.com", "Type": kind}
        return {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {**given, "TTL": "60", "ResourceRecords": [value]},
        }

    stack = embedded.create(
        {"Zone": zone, "A": record("a", "A", "127.0.0.9"), "B": record("b", "CNAME", f"a.{name}.example.com")}
    )
    assert stack.reasons == []
    names = [f"{label}.{name}.example.com" for label in ("a", "b", "c")]
    found = resolved(embedded, name, names)
    assert [found[each] for each in names] == ["127.0.0.9", "127.0.0.9", "gaierror"]
    embedded.delete(stack)


WRITER = """
import os, pathlib, time
mine, other = (pathlib.Path("/shared-of-test/data", name) for name in (os.environ["OWN"], os.environ["OTHER"]))
mine.write_text("here")
deadline = time.monotonic() + 20
while not other.exists():
    assert time.monotonic() < deadline
    time.sleep(0.02)
"""
READER = """
import pathlib, sys
folder = pathlib.Path("/read-of-test")
print(*sorted(path.name for path in folder.iterdir()), flush=True)
try:
    (folder / "new").write_text("")
except OSError:
    sys.exit(4)
"""


def test_tasks_share_a_file_system(embedded: Embedded, name: str) -> None:
    """Two tasks see each other's files at the container's path; a later one reads them, until the system is deleted."""

    def mounting(program: str, path: str, variables: dict[str, str], *, read_only: bool) -> dict[str, Any]:
        access = {"AccessPointId": {"Ref": "Point"}, "IAM": "ENABLED"}
        efs = {"FilesystemId": {"Ref": "Files"}, "TransitEncryption": "ENABLED", "AuthorizationConfig": access}
        point = {"SourceVolume": "data", "ContainerPath": path, "ReadOnly": read_only}
        volumes = [{"Name": "data", "EFSVolumeConfiguration": efs}]
        return task(program, variables, container={"MountPoints": [point], **logged(name)}, Volumes=volumes)

    creation = {"OwnerUid": "1000", "OwnerGid": "1000", "Permissions": "755"}
    root = {"Path": "/models", "CreationInfo": creation}
    shared = "/shared-of-test/data"
    stack = embedded.create(
        {
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/{name}"}},
            "Files": {"Type": "AWS::EFS::FileSystem"},
            "Point": {
                "Type": "AWS::EFS::AccessPoint",
                "Properties": {"FileSystemId": {"Ref": "Files"}, "RootDirectory": root},
            },
            "One": mounting(WRITER, shared, {"OWN": "one", "OTHER": "two"}, read_only=False),
            "Two": mounting(WRITER, shared, {"OWN": "two", "OTHER": "one"}, read_only=False),
            "Reader": mounting(READER, "/read-of-test", {}, read_only=True),
        }
    )
    assert stack.reasons == []
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(embedded.run, (stack.ids["One"], stack.ids["Two"])))
    assert [each["containers"][0]["exitCode"] for each in ended] == [0, 0]
    assert embedded.run(stack.ids["Reader"])["containers"][0]["exitCode"] == 4
    assert waited(lambda: embedded.lines(f"/{name}")) == ["one two"]
    files = embedded.settings.folder.state / "tasks" / "file-systems" / stack.ids["Files"]
    assert (files / "models" / "one").read_text() == "here"
    assert not Path("/shared-of-test").exists()
    assert embedded.delete(stack) == "DELETE_COMPLETE"
    assert not files.exists()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"namespace": "no-such"}, "namespace no-such does not exist"),
        ({"namespace": ""}, "namespace is missing"),
        ({"services": [{"portName": "api"}]}, "portName api is no named port of the task definition"),
        ({"services": [{"portName": "web", "clientAliases": [{"port": 1, "dnsName": "A"}]}]}, "is no host name"),
    ],
)
def test_a_wrong_configuration_is_refused(
    embedded: Embedded, name: str, changed: dict[str, Any], expected: str
) -> None:
    ecs = embedded.client("ecs")
    embedded.client("servicediscovery").create_http_namespace(Name=name)
    container = {"name": "main", "image": IMAGE, "portMappings": [{"containerPort": 8080, "name": "web"}]}
    definition = ecs.register_task_definition(family=name, containerDefinitions=[container])
    configuration = {"enabled": True, "namespace": name, "services": [{"portName": "web"}], **changed}
    with pytest.raises(ClientError, match=expected):
        ecs.create_service(
            serviceName=name,
            taskDefinition=definition["taskDefinition"]["taskDefinitionArn"],
            desiredCount=0,
            serviceConnectConfiguration=configuration,
        )
