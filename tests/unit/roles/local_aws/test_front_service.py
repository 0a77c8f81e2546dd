# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service of ECS behind a load balancer: a rolling update and a scale-in under constant requests."""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import service
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from emulators import FILES, IMAGE, MANIFEST, REPOSITORY
from front_targets import NO_DOCKER, make_group
from ports import free_port
from waiting import waited

PORT = 46090
# A task that serves until SIGTERM, which cuts off the requests in progress.
PROGRAM = """
import http.server, os, signal, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_GET(self):
        time.sleep(0.5 if self.path == "/slow" else 0)
        body = os.environ["VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.ThreadingHTTPServer((os.environ["TASK_ADDRESS"], 8080), Handler).serve_forever()
"""


@contextmanager
def requests(host: str) -> Iterator[Counter[tuple[int, str]]]:
    """Send requests, fast and slow ones, until the end; yields the count of each response."""
    found: Counter[tuple[int, str]] = Counter()
    ended = threading.Event()

    def send(path: str) -> None:
        while not ended.is_set():
            connection = http.client.HTTPConnection(host, PORT, timeout=5)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                found[response.status, response.read().decode()] += 1
            except (OSError, http.client.HTTPException) as error:
                found[0, type(error).__name__] += 1
            finally:
                connection.close()

    threads = [threading.Thread(target=send, args=(path,)) for path in ("/", "/", "/slow", "/slow", "/slow")]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def define(ecs: Any, version: str) -> str:
    container = {
        "name": "app",
        "image": IMAGE,
        "command": ["python", "-c", PROGRAM],
        "environment": [{"name": "VERSION", "value": version}],
        "portMappings": [{"containerPort": 8080}],
    }
    made = ecs.register_task_definition(family="web", networkMode="awsvpc", containerDefinitions=[container])
    arn: str = made["taskDefinition"]["taskDefinitionArn"]
    return arn


def test_rolling_update_and_scale_in_fail_no_request() -> None:
    """Tasks are drained before they are stopped, and new ones get requests once they are healthy."""
    with tempfile.TemporaryDirectory(prefix="ddbload-test-") as folder:
        settings = Settings(free_port(), Path(folder), sys.executable, FILES / "process_engine.py", "warning")
        service.start(settings, "process", NO_DOCKER, 60, lambda: False)
        try:
            key = settings.folder.secret()

            def client(name: str) -> Any:
                own = {"aws_access_key_id": key, "aws_secret_access_key": "unused"}
                return boto3.client(name, "us-east-1", endpoint_url=settings.endpoint_url, **own)

            ecr, ecs, elb = client("ecr"), client("ecs"), client("elbv2")
            ecr.create_repository(repositoryName=REPOSITORY)
            ecr.put_image(repositoryName=REPOSITORY, imageTag="1", imageManifest=json.dumps(MANIFEST))
            ecs.create_cluster(clusterName="web")
            balancer = elb.create_load_balancer(Name="web", Subnets=["subnet-1"])["LoadBalancers"][0]
            group = make_group(elb, "web")
            elb.create_listener(
                LoadBalancerArn=balancer["LoadBalancerArn"],
                Port=PORT,
                Protocol="HTTP",
                DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
            )
            ecs.create_service(
                cluster="web",
                serviceName="web",
                taskDefinition=define(ecs, "one"),
                desiredCount=2,
                networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
                loadBalancers=[{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}],
            )

            def healthy() -> int:
                found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
                return sum(one["TargetHealth"]["State"] == "healthy" for one in found)

            waited(lambda: healthy() == 2)
            with requests(balancer["DNSName"]) as found:
                waited(lambda: found[200, "one"] > 20)
                ecs.update_service(cluster="web", service="web", taskDefinition=define(ecs, "two"))

                def rolled_out() -> bool:
                    shown = ecs.describe_services(cluster="web", services=["web"])["services"][0]["deployments"]
                    return [one["rolloutState"] for one in shown] == ["COMPLETED"] and healthy() == 2

                waited(lambda: found[200, "two"] > 20 and rolled_out())
                ecs.update_service(cluster="web", service="web", desiredCount=1)

                def states() -> Counter[str]:
                    """Return the number of tasks by status; one that a busy machine made unhealthy was replaced."""
                    asked = [ecs.list_tasks(cluster="web", desiredStatus=status) for status in ("RUNNING", "STOPPED")]
                    arns = [arn for found in asked for arn in found["taskArns"]]
                    tasks = ecs.describe_tasks(cluster="web", tasks=arns)["tasks"]
                    return Counter(task["lastStatus"] for task in tasks)

                def scaled_in() -> bool:
                    found = states()
                    return found["RUNNING"] == 1 and found["STOPPED"] >= 3 and len(found) == 2

                waited(scaled_in)
                more = found[200, "two"] + 20
                waited(lambda: found[200, "two"] > more)
            assert set(found) == {(200, "one"), (200, "two")}
        finally:
            service.stop(settings, lambda: False)
