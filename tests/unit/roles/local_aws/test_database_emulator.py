# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases in the embedded AWS as the module starts it: by templates, by boto3, and what they leave."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import service
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from botocore.exceptions import ClientError
from embedded import Embedded, embedded_aws
from emulator_env import ROOT
from emulators import Stack
from front_targets import NO_DOCKER
from resource_cases import attribute, ref, resource
from waiting import waited

PASSWORD = "/@\" '\\"
GENERATED = {"SecretStringTemplate": '{"username": "keycloak"}', "GenerateStringKey": "password", "PasswordLength": 30}
SECRET = resource(
    "SecretsManager::Secret",
    Name="database",
    GenerateSecretString={**GENERATED, "ExcludeCharacters": PASSWORD},
)
LOGIN = {
    name: {"Fn::Sub": f"{{{{resolve:secretsmanager:${{Secret}}:SecretString:{key}}}}}"}
    for name, key in (("MasterUsername", "username"), ("MasterUserPassword", "password"))
}
TRUST = {"Version": "2012-10-17", "Statement": []}


def subnet(block: int, zone: str) -> dict[str, Any]:
    return resource(
        "EC2::Subnet", VpcId=ref("Vpc"), CidrBlock=f"10.7.{block}.0/24", AvailabilityZone=f"us-east-1{zone}"
    )


def resources(**changes: Any) -> dict[str, Any]:
    """Return a cluster with all that a system's database has; ``changes`` are properties of the cluster."""
    cluster = {
        "DBClusterIdentifier": "kept",
        "Engine": "aurora-mysql",
        "EngineVersion": "8.0.mysql_aurora.3.08.2",
        "DatabaseName": "keycloak",
        "DBSubnetGroupName": ref("Subnets"),
        "DBClusterParameterGroupName": ref("Parameters"),
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 2},
        "BackupRetentionPeriod": 7,
        "StorageEncrypted": True,
        "Tags": [{"Key": "system", "Value": "gateway"}],
        **LOGIN,
        **changes,
    }
    member = {"DBClusterIdentifier": ref("Cluster"), "DBInstanceClass": "db.serverless", "Engine": "aurora-mysql"}
    target = {"SecretId": ref("Secret"), "TargetId": ref("Cluster"), "TargetType": "AWS::RDS::DBCluster"}
    utf8 = {"character_set_server": "utf8mb4", "collation_server": "utf8mb4_unicode_ci"}
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.7.0.0/16"),
        "First": subnet(0, "a"),
        "Second": subnet(1, "b"),
        "Role": resource("IAM::Role", AssumeRolePolicyDocument=TRUST),
        "Secret": SECRET,
        "Subnets": resource(
            "RDS::DBSubnetGroup", DBSubnetGroupDescription="test", SubnetIds=[ref("First"), ref("Second")]
        ),
        "Parameters": resource(
            "RDS::DBClusterParameterGroup", Family="aurora-mysql8.0", Description="test", Parameters=utf8
        ),
        "Cluster": {**resource("RDS::DBCluster", **cluster), "DeletionPolicy": "Delete"},
        "Instance": resource("RDS::DBInstance", **member),
        "Attachment": resource("SecretsManager::SecretTargetAttachment", **target),
        "Proxy": resource(
            "RDS::DBProxy",
            DBProxyName="kept",
            EngineFamily="MYSQL",
            RoleArn=attribute("Arn", "Role"),
            VpcSubnetIds=[ref("First"), ref("Second")],
            Auth=[{"AuthScheme": "SECRETS", "IAMAuth": "DISABLED", "SecretArn": ref("Secret")}],
            RequireTLS=False,
        ),
        "Targets": {
            **resource(
                "RDS::DBProxyTargetGroup",
                DBProxyName=ref("Proxy"),
                TargetGroupName="default",
                DBClusterIdentifiers=[ref("Cluster")],
            ),
            "DependsOn": "Instance",
        },
    }


OUTPUTS = {
    "Cluster": attribute("Endpoint.Address", "Cluster"),
    "Port": attribute("Endpoint.Port", "Cluster"),
    "Proxy": attribute("Endpoint", "Proxy"),
}


@dataclass(frozen=True)
class Databases(Embedded):
    """An embedded AWS with databases."""

    @property
    def emulator_pid(self) -> int:
        """Pid of MiniStack."""
        return service.running_pids(self.settings)["ministack"]

    def start(self) -> None:
        """Start it."""
        service.start(self.settings, "process", NO_DOCKER, 60, lambda: False)

    def stop(self) -> None:
        """Stop it."""
        service.stop(self.settings, lambda: False)

    def applied(self, component: str, subnets: str) -> Stack:
        """Create the stack of a component of the gateway, with any security groups and keys."""
        path = ROOT / "systems" / "mcp_gateway" / "system.yml"
        rendered = parse(read(path.read_text(), str(path), None).description).components[component].rendered
        assert rendered
        values = {"Project": "shop", "Environment": "dev"}
        for name, output in rendered.takes.items():
            values[name] = subnets if "Subnet" in output else f"sg-{name}"
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
        self.client("cloudformation").create_stack(
            StackName="shop-dev", TemplateBody=json.dumps(rendered.template), Parameters=parameters
        )
        return self.stack("shop-dev")

    def servers(self) -> list[int]:
        """Return the pids of the servers whose data is in its directory."""
        return [
            int(process.name)
            for process in Path("/proc").iterdir()
            if process.name.isdigit() and str(self.settings.folder.databases).encode() in command(process)
        ]

    def login(self, name: str = "database") -> dict[str, Any]:
        """Return what a secret holds."""
        found = self.client("secretsmanager").get_secret_value(SecretId=name)
        return dict(json.loads(found["SecretString"]))


def command(process: Path) -> bytes:
    try:
        return process.joinpath("cmdline").read_bytes()
    except OSError:
        return b""


def query(
    host: str,
    login: dict[str, Any],
    statement: str,
    database: str = "keycloak",
    authority: ssl.SSLContext | None = None,
) -> list[tuple[Any, ...]]:
    with closing(connect(host, login, database, authority)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        connection.commit()
        return list(cursor.fetchall())


def connect(
    host: str, login: dict[str, Any], database: str = "keycloak", authority: ssl.SSLContext | None = None
) -> Any:
    """Connect; without an authority, unencrypted."""
    how: dict[str, Any] = {"ssl_disabled": True} if authority is None else {"ssl": authority}
    return pymysql.connect(
        host=host,
        port=3306,
        user=login["username"],
        password=login["password"],
        database=database,
        connect_timeout=5,
        **how,
    )


@pytest.fixture(scope="module")
def embedded() -> Iterator[Databases]:
    with embedded_aws() as running:
        yield Databases(running.url, running.log, running.settings)


def test_a_database_from_its_stack_to_its_end(embedded: Databases) -> None:
    """Tasks write by the proxy and read by the cluster; a stop and a deletion leave neither data nor process."""
    stack = embedded.create(resources(), OUTPUTS, "database")
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    cluster, proxy = stack.outputs["Cluster"], stack.outputs["Proxy"]
    assert cluster.startswith("127.79.") and proxy.startswith("127.79.") and cluster != proxy
    login = embedded.login()
    assert (login["host"], login["port"], login["dbname"]) == (cluster, 3306, "keycloak")
    described(embedded, cluster, proxy)
    query(proxy, login, "create table note(text varchar(40))")
    query(proxy, login, "insert into note values ('written by the proxy 🙂')")
    assert query(cluster, login, "select * from note") == [("written by the proxy 🙂",)]
    with pytest.raises(ClientError, match="No updates are to be performed"):
        embedded.update(stack, resources(), OUTPUTS)

    assert len(embedded.servers()) == 1
    embedded.stop()
    assert embedded.servers() == [] and not embedded.settings.folder.databases.exists()
    embedded.start()
    stack = embedded.create(resources(), OUTPUTS, "database")
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    again = embedded.login()
    assert again["password"] != login["password"]
    assert query(stack.outputs["Proxy"], again, "show tables") == []

    assert embedded.delete(stack) == "DELETE_COMPLETE"
    assert embedded.servers() == []
    assert [path.name for path in embedded.settings.folder.databases.iterdir()] == ["certificates"]
    for host in (cluster, proxy):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, 3306), 5)


def described(embedded: Databases, cluster: str, proxy: str) -> None:
    """Check what RDS describes."""
    rds = embedded.client("rds")
    found = rds.describe_db_clusters(DBClusterIdentifier="kept")["DBClusters"][0]
    assert (found["Status"], found["Endpoint"], found["ReaderEndpoint"]) == ("available", cluster, cluster)
    assert found["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 2}
    assert found["StorageEncrypted"] and found["BackupRetentionPeriod"] == 7
    assert found["TagList"] == [{"Key": "system", "Value": "gateway"}]
    instance = rds.describe_db_instances()["DBInstances"][0]
    assert (instance["DBInstanceStatus"], instance["Endpoint"]["Address"]) == ("available", cluster)
    assert found["DBClusterMembers"][0]["DBInstanceIdentifier"] == instance["DBInstanceIdentifier"]
    assert rds.describe_db_proxies()["DBProxies"][0]["Endpoint"] == proxy
    targets = rds.describe_db_proxy_targets(DBProxyName="kept")["Targets"]
    assert {target["TargetHealth"]["State"] for target in targets} == {"AVAILABLE"}


@pytest.fixture
def stack(embedded: Databases) -> Iterator[Stack]:
    made = embedded.create(resources(), OUTPUTS)
    assert made.status == "CREATE_COMPLETE", made.reasons
    try:
        yield made
    finally:
        embedded.client("rds").modify_db_cluster(DBClusterIdentifier="kept", DeletionProtection=False)
        assert embedded.delete(made) == "DELETE_COMPLETE"


def test_a_client_of_the_proxy_comes_from_the_proxy(embedded: Databases, stack: Stack) -> None:
    """The server sees the proxy's address, as on AWS; a closed proxy ends its connections, not the cluster's."""
    login, proxy, cluster = embedded.login(), stack.outputs["Proxy"], stack.outputs["Cluster"]
    seen = "select substring_index(host, ':', 1) from information_schema.processlist where id = connection_id()"
    assert query(proxy, login, seen) == [(proxy,)]
    assert query(cluster, login, seen) == [("127.0.0.1",)]
    connection, rds = connect(proxy, login), embedded.client("rds")
    rds.deregister_db_proxy_targets(DBProxyName="kept", DBClusterIdentifiers=["kept"])
    connection.ping(reconnect=False)
    with pytest.raises(pymysql.OperationalError):
        connect(proxy, login)
    rds.register_db_proxy_targets(DBProxyName="kept", DBClusterIdentifiers=["kept"])
    assert query(proxy, login, "select 1") == [(1,)]
    rds.delete_db_proxy(DBProxyName="kept")
    with pytest.raises(pymysql.OperationalError):
        connection.ping(reconnect=False)
    with pytest.raises(pymysql.OperationalError):
        connect(proxy, login)
    assert query(cluster, login, "select 1") == [(1,)]


def test_a_new_password_counts_at_once(embedded: Databases, stack: Stack) -> None:
    """An open connection stays open; the user's next one needs the new password."""
    before, cluster = embedded.login(), stack.outputs["Cluster"]
    after = {**before, "password": "another-Password#1"}
    connection = connect(cluster, before)
    embedded.client("secretsmanager").put_secret_value(SecretId="database", SecretString=json.dumps(after))
    rds = embedded.client("rds")
    rds.modify_db_cluster(DBClusterIdentifier="kept", MasterUserPassword=after["password"], ApplyImmediately=True)
    connection.ping(reconnect=False)
    assert query(cluster, embedded.login(), "select current_user()") == [("keycloak@%",)]
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        connect(cluster, before)
    with pytest.raises(ClientError, match="8 to 41 printable characters"):
        rds.modify_db_cluster(DBClusterIdentifier="kept", MasterUserPassword="with space", ApplyImmediately=True)
    assert query(cluster, after, "select 1") == [(1,)]


def test_the_master_user_has_no_more_rights_than_on_aws(embedded: Databases, stack: Stack) -> None:
    """It creates databases and users; it reads no file and stops no server."""
    login, cluster = embedded.login(), stack.outputs["Cluster"]
    query(cluster, login, "create database other")
    query(cluster, login, "create user reader identified by 'reads-only-1'")
    query(cluster, login, "grant select on other.* to reader")
    for statement in (
        "shutdown",
        "select load_file('/etc/passwd') into outfile '/tmp/no'",
        "set global max_connections = 1",
    ):
        with pytest.raises(pymysql.OperationalError, match="denied"):
            query(cluster, login, statement)
    assert query(cluster, login, "select @@character_set_server, @@collation_server") == [
        ("utf8mb4", "utf8mb4_unicode_ci")
    ]
    for name in ("root", ""):
        with pytest.raises(pymysql.OperationalError, match="Access denied"):
            connect(cluster, {"username": name, "password": ""}, "mysql")


def test_an_update_changes_the_cluster_in_place(embedded: Databases, stack: Stack) -> None:
    """The password, the capacity, the protection and the tags change; the data and the process stay."""
    query(stack.outputs["Cluster"], embedded.login(), "create table kept(number int)")
    servers = embedded.servers()
    changed = resources(
        DeletionProtection=True,
        MasterUserPassword="written-in-the-template",
        ServerlessV2ScalingConfiguration={"MinCapacity": 1, "MaxCapacity": 4},
        Tags=[{"Key": "system", "Value": "other"}],
    )
    updated = embedded.update(stack, changed, OUTPUTS)
    assert updated.status == "UPDATE_COMPLETE", updated.reasons
    assert updated.outputs == stack.outputs and embedded.servers() == servers
    login = {"username": "keycloak", "password": "written-in-the-template"}
    assert query(stack.outputs["Proxy"], login, "show tables") == [("kept",)]
    found = embedded.client("rds").describe_db_clusters(DBClusterIdentifier="kept")["DBClusters"][0]
    assert found["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 1, "MaxCapacity": 4}
    assert found["DeletionProtection"] and found["TagList"] == [{"Key": "system", "Value": "other"}]
    assert embedded.delete(updated) == "DELETE_FAILED"
    assert query(stack.outputs["Cluster"], login, "show tables") == [("kept",)]


def test_a_proxy_may_require_tls(embedded: Databases, stack: Stack) -> None:
    """The client verifies the server by the authority, through the proxy too."""
    login, proxy, rds = embedded.login(), stack.outputs["Proxy"], embedded.client("rds")
    authority = ssl.create_default_context(cafile=embedded.settings.folder.databases / "certificates" / "ca.pem")
    cluster = stack.outputs["Cluster"]
    cipher = "select variable_value from information_schema.session_status where variable_name = 'Ssl_cipher'"
    assert query(cluster, login, cipher) == [("",)]
    assert query(cluster, login, cipher, authority=authority)[0][0].startswith("TLS_")
    rds.modify_db_proxy(DBProxyName="kept", RequireTLS=True)
    with pytest.raises(pymysql.OperationalError):
        query(proxy, login, cipher)
    authority.check_hostname = False  # the certificate is the cluster's
    assert query(proxy, login, cipher, authority=authority)[0][0].startswith("TLS_")
    assert query(cluster, login, cipher) == [("",)]


def test_rds_manages_the_password(embedded: Databases) -> None:
    """ManageMasterUserPassword: the secret of RDS opens the database, before and after its rotation."""
    settings = {"require_secure_transport": "ON", "slow_query_log": "1", "long_query_time": "2"}
    group = resource("RDS::DBClusterParameterGroup", Family="aurora-mysql8.0", Description="TLS", Parameters=settings)
    properties = {
        "Engine": "aurora-mysql",
        "MasterUsername": "owner",
        "ManageMasterUserPassword": True,
        "DBClusterParameterGroupName": ref("Group"),
        "EnableCloudwatchLogsExports": ["error"],
    }
    named = {"Address": attribute("Endpoint.Address", "Owned"), "Arn": attribute("MasterUserSecret.SecretArn", "Owned")}
    made = embedded.create({"Group": group, "Owned": resource("RDS::DBCluster", **properties)}, named)
    assert made.status == "CREATE_COMPLETE", made.reasons
    first, address = embedded.login(made.outputs["Arn"]), made.outputs["Address"]
    tls = ssl.create_default_context(cafile=embedded.settings.folder.databases / "certificates" / "ca.pem")
    assert query(address, first, "select @@long_query_time, @@slow_query_log", "mysql", tls) == [(2.0, 1)]
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        connect(address, first, "mysql")
    rds = embedded.client("rds")
    rds.modify_db_cluster(DBClusterIdentifier=made.ids["Owned"], RotateMasterUserPassword=True, ApplyImmediately=True)
    second = embedded.login(made.outputs["Arn"])
    assert query(address, second, "select 1", "mysql", tls) == [(1,)]
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        connect(address, first, "mysql", tls)
    # The policy of a cluster without one is Snapshot.
    assert embedded.delete(made) == "DELETE_COMPLETE"
    snapshots = rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert [one["DBClusterIdentifier"] for one in snapshots] == [made.ids["Owned"]]


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Engine": "aurora-postgresql"}, "Engine is followed by the embedded AWS only as aurora-mysql"),
        ({"EnableIAMDatabaseAuthentication": True}, "EnableIAMDatabaseAuthentication is followed"),
        ({"SnapshotIdentifier": "old"}, "SnapshotIdentifier is no property that the API knows"),
        ({"EnablePerformanceInsights": True}, "EnablePerformanceInsights has no effect"),
        ({"MasterUsername": "rdsadmin"}, "MasterUsername must be"),
        ({"MasterUserPassword": "short"}, "MasterUserPassword must be"),
    ],
)
def test_a_property_without_effect_fails_the_stack(
    embedded: Databases, properties: dict[str, Any], reason: str
) -> None:
    """The reason names the property; no server and no record stays."""
    base = {"Engine": "aurora-mysql", "MasterUsername": "owner", "MasterUserPassword": "password123"}
    made = embedded.create({"Refused": resource("RDS::DBCluster", **base | properties)})
    assert made.status == "ROLLBACK_COMPLETE" and reason in made.reasons[0]
    assert "password123" not in made.reasons[0]
    assert embedded.client("rds").describe_db_clusters()["DBClusters"] == [] and embedded.servers() == []


def test_the_api_refuses_what_it_would_only_record(embedded: Databases) -> None:
    """Operations without a real effect, instances without a cluster, a deletion that names no snapshot."""
    rds = embedded.client("rds")
    with pytest.raises(ClientError, match="StopDBCluster is not supported"):
        rds.stop_db_cluster(DBClusterIdentifier="any")
    with pytest.raises(ClientError, match="instances of aurora-mysql clusters only"):
        rds.create_db_instance(DBInstanceIdentifier="alone", DBInstanceClass="db.t3.micro", Engine="mysql")
    with pytest.raises(ClientError, match="either SkipFinalSnapshot or FinalDBSnapshotIdentifier"):
        rds.delete_db_cluster(DBClusterIdentifier="any")


def test_a_killed_emulator_takes_its_servers_along(embedded: Databases) -> None:
    """Even after SIGKILL no server stays; the next start has new secrets, and no data of the old ones."""
    made = embedded.create(resources(), OUTPUTS)
    query(made.outputs["Cluster"], embedded.login(), "create table gone(number int)")
    os.kill(embedded.emulator_pid, signal.SIGKILL)
    waited(lambda: embedded.servers() == [])
    embedded.stop()
    embedded.start()
    again = embedded.create(resources(), OUTPUTS)
    assert query(again.outputs["Cluster"], embedded.login(), "show tables") == []
    assert embedded.delete(again) == "DELETE_COMPLETE"


def test_the_stack_of_a_description_gives_a_database(embedded: Databases) -> None:
    """The gateway's: its logins are encrypted, a teardown leaves a snapshot and no process."""
    network = {name: made for name, made in resources().items() if name in ("Vpc", "First", "Second")}
    under = embedded.create(network)
    made = embedded.applied("database-keycloak", f"{under.ids['First']},{under.ids['Second']}")
    assert made.status == "CREATE_COMPLETE", made.reasons
    login = embedded.login(made.outputs["SecretArn"])
    tls = ssl.create_default_context(cafile=embedded.settings.folder.databases / "certificates" / "ca.pem")
    assert query(made.outputs["ClusterEndpoint"], login, "select 1", made.outputs["DatabaseName"], tls) == [(1,)]
    with pytest.raises(pymysql.OperationalError):
        connect(made.outputs["Endpoint"], login)
    tls.check_hostname = False  # the certificate is the cluster's
    assert query(made.outputs["Endpoint"], login, "select 1", made.outputs["DatabaseName"], tls) == [(1,)]
    assert embedded.delete(made) == "DELETE_COMPLETE" and embedded.servers() == []
    snapshots = embedded.client("rds").describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert "shop-dev-keycloak" in [one["DBClusterIdentifier"] for one in snapshots]
    embedded.delete(under)
