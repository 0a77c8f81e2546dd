# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded AWS that authorizes each call by IAM, and principals with the policies of a template."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import uuid4

import boto3
from ports import free_port
from template_parser import ROOT, policies, render

ACCOUNT, REGION = "000000000000", "us-east-1"
OWNER = {"aws_access_key_id": f"owner{token_hex(32)}", "aws_secret_access_key": "owner-needs-no-secret"}
TABLE, OTHER_TABLE, INDEX, KEY = "ddbload-dev", "someone-elses", "by-category", {"pk": {"S": "key"}}
SETTINGS, OTHER_SETTINGS = "/ddbload/dev", "/ddbload/prod"
OTHER_ROLE = "admin"  # a role that the account's own principals may assume
START_SECONDS = 120.0


@dataclass(frozen=True)
class Principal:
    """A principal with some policies; the embedded AWS issues its credentials."""

    endpoint: str
    arn: str
    access_key: str
    secret_key: str

    def client(self, service: str) -> Any:
        """Return a boto3 client with the principal's credentials."""
        return boto3.client(
            service,
            REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )

    def run_load_test(self, scenario: str) -> subprocess.CompletedProcess[str]:
        """Run the load tester as in a task: with the principal's credentials and no others."""
        own = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "loadtest_app" / "src"),
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        command = [sys.executable, "-m", "ddbload", "run", "--table", TABLE, "--scenario", scenario]
        return subprocess.run(command, env=own, capture_output=True, text=True, timeout=60, check=False)


@dataclass(frozen=True)
class IamSimulator:
    """The embedded AWS with AUTH on."""

    endpoint: str

    @classmethod
    @contextmanager
    def started(cls, log: Path) -> Iterator[IamSimulator]:
        """Start an embedded AWS on a free port of the loopback, and stop it at the end."""
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "AUTH": "true",
            "GATEWAY_PORT": str(port),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(ROOT / "roles" / "local_aws" / "files")]),
            "STATE_DIR": str(log.parent),
            "S3_DATA_DIR": str(log.parent),
            # The key of the account's owner.
            "AWS_ACCESS_KEY_ID": OWNER["aws_access_key_id"],
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        command = [sys.executable, "-m", "hypercorn", "iam_application:application", "--workers", "0"]
        with (
            log.open("w") as output,
            subprocess.Popen(
                [*command, "--bind", f"127.0.0.1:{port}"],
                env=environment,
                cwd=log.parent,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            ) as process,
        ):
            made = cls(f"http://127.0.0.1:{port}")
            try:
                made._await_health(process, log)
                yield made
            finally:
                process.terminate()

    def _await_health(self, process: subprocess.Popen[bytes], log: Path) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ddbload/health?{'0' * 32}", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise AssertionError(f"the embedded AWS did not start: {log.read_text()[-2000:]}")

    def owner(self) -> Principal:
        """Return the owner of the account, with every permission."""
        return Principal(
            self.endpoint, f"arn:aws:iam::{ACCOUNT}:root", OWNER["aws_access_key_id"], OWNER["aws_secret_access_key"]
        )

    def create_resources(self) -> None:
        """Create the table under test, and resources beyond the task role: another table, settings, a cluster."""
        dynamodb, ssm = self.owner().client("dynamodb"), self.owner().client("ssm")
        for name in (TABLE, OTHER_TABLE):
            dynamodb.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "category", "AttributeType": "S"},
                ],
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": INDEX,
                        "KeySchema": [{"AttributeName": "category", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                BillingMode="PAY_PER_REQUEST",
                # Deletion protection keeps the table for every test, although IAM allows its owner to delete it.
                DeletionProtectionEnabled=True,
            )
            dynamodb.put_item(TableName=name, Item=KEY)
        for path in (SETTINGS, OTHER_SETTINGS):
            ssm.put_parameter(Name=f"{path}/total-items", Value="10", Type="String")
        self.owner().client("ecs").create_cluster(clusterName="ddbload-dev")
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        self.owner().client("iam").create_role(
            RoleName=OTHER_ROLE,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )

    def task_parameters(self) -> dict[str, str]:
        """Return the parameters without a default of the task's template, for the table under test."""
        return {
            "Environment": "dev",
            "TableName": TABLE,
            "TableArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}",
            "RepositoryArn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/ddbload-dev",
            "ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ddbload-dev:1",
        }

    def task_role(self, **parameters: Any) -> Principal:
        """Return a principal with exactly the policies of the task role, for some parameters of its template."""
        return self._principal("TaskRole", parameters)

    def execution_role(self, **parameters: Any) -> Principal:
        """Return a principal with exactly the policies of the execution role."""
        return self._principal("ExecutionRole", parameters)

    def holder(self, documents: list[dict[str, Any]]) -> Principal:
        """Return a principal with exactly these policies, attached as managed policies."""
        iam, name = self.owner().client("iam"), f"holder-{uuid4().hex[:8]}"
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        for number, document in enumerate(documents):
            made = iam.create_policy(PolicyName=f"{name}-{number}", PolicyDocument=json.dumps(document))
            iam.attach_user_policy(UserName=name, PolicyArn=made["Policy"]["Arn"])
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Principal(self.endpoint, arn, key["AccessKeyId"], key["SecretAccessKey"])

    def _principal(self, role: str, parameters: dict[str, Any]) -> Principal:
        own = self.task_parameters()
        rendered = render("task", own | parameters, region=REGION, account=ACCOUNT)
        iam, name = self.owner().client("iam"), f"task-{uuid4().hex[:8]}"
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        for policy in policies(rendered):
            if policy.resource == role and policy.kind == "identity":
                iam.put_user_policy(UserName=name, PolicyName=policy.name, PolicyDocument=json.dumps(policy.document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Principal(self.endpoint, arn, key["AccessKeyId"], key["SecretAccessKey"])
