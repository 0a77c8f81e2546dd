# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases, their snapshots and KMS keys of a system: each is named before a deletion, and found after it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.deletion import (
    protected,
    refused,
    remnants,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.secret import Secret
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.removal import ResourceRemoval
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.environment.builder import (
    Builder,
    Clients,
    log_group_template,
    refusal,
)

CLUSTER = {
    "DBClusterIdentifier": "shop-dev-main",
    "Engine": "aurora-mysql",
    "MasterUsername": "shop",
    "MasterUserPassword": "password-of-a-test",
    "DatabaseName": "shop",
}
ALIAS = "alias/shop-dev-data"


@pytest.fixture
def shop(clients: Clients) -> Builder:
    """Project shop, environment dev, with a key and a database."""
    return Builder(clients, Names("shop", "dev", ["keys", "database-main"]))


def of_kind(builder: Builder, kind: str) -> list[Resource]:
    return [each for each in builder.find() if each["kind"] == kind]


def cluster(builder: Builder, component: str = "database-main", **more: Any) -> None:
    """Create a cluster with the tags of a component's stack."""
    builder.clients("rds").create_db_cluster(**CLUSTER, Tags=builder.tags(component), **more)


def key(builder: Builder, component: str = "keys") -> str:
    """Create a key with an alias and the tags of a component's stack; returns its id."""
    tags = [{"TagKey": each["Key"], "TagValue": each["Value"]} for each in builder.tags(component)]
    kms = builder.clients("kms")
    id_ = str(kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"])
    kms.create_alias(AliasName=ALIAS, TargetKeyId=id_)
    return id_


def test_a_database_is_refused_until_it_is_named(shop: Builder) -> None:
    cluster(shop)
    (found,) = of_kind(shop, "database")
    assert (found["name"], found["protections"]) == ("shop-dev-main", ["irreplaceable"])
    assert refused([found], []) == [found]
    assert refused([found], ["shop-dev-main"]) == []


def test_the_protection_of_a_database_is_turned_off(shop: Builder) -> None:
    cluster(shop, DeletionProtection=True)
    (found,) = of_kind(shop, "database")
    assert found["protections"] == ["irreplaceable", "deletion_protection"]
    assert protected([found]) == [found]
    removal = ResourceRemoval(shop.clients, timeout=5)
    assert removal.unprotect("database", found["id"])
    assert not removal.unprotect("database", found["id"])


def test_a_database_is_removed_with_its_instances(shop: Builder) -> None:
    cluster(shop)
    shop.clients("rds").create_db_instance(
        DBInstanceIdentifier="shop-dev-main-1",
        DBClusterIdentifier="shop-dev-main",
        DBInstanceClass="db.serverless",
        Engine="aurora-mysql",
    )
    removal = ResourceRemoval(shop.clients, timeout=5)
    assert removal.remove("database", "shop-dev-main")
    assert not removal.remove("database", "shop-dev-main")
    assert shop.clients("rds").describe_db_instances()["DBInstances"] == []


def test_a_last_snapshot_is_found_without_its_cluster(shop: Builder) -> None:
    """It has the owner's tags of its cluster, and not that of the stack."""
    cluster(shop)
    rds = shop.clients("rds")
    request = {"DBClusterIdentifier": "shop-dev-main", "DBClusterSnapshotIdentifier": "last"}
    rds.create_db_cluster_snapshot(**request, Tags=shop.tags())
    rds.create_db_cluster_snapshot(**request | {"DBClusterSnapshotIdentifier": "of-others"})
    rds.delete_db_cluster(DBClusterIdentifier="shop-dev-main", SkipFinalSnapshot=True)
    (found,) = of_kind(shop, "database_snapshot")
    assert (found["name"], found["stack"]) == ("last", None)
    assert remnants([found], []) == []
    assert remnants([found], ["last"]) == [found]
    removal = ResourceRemoval(shop.clients, timeout=5)
    assert removal.remove("database_snapshot", "last")
    assert not removal.remove("database_snapshot", "last")


def test_a_kept_key_is_found_by_its_alias_and_removed(shop: Builder) -> None:
    id_ = key(shop)
    (found,) = of_kind(shop, "kms_key")
    assert (found["name"], found["id"]) == (ALIAS, id_)
    assert found["protections"] == ["irreplaceable", "left_behind"]
    assert ResourceRemoval(shop.clients, timeout=5).remove("kms_key", id_)
    assert of_kind(shop, "kms_key") == []
    assert [each for each in shop.clients("kms").list_aliases()["Aliases"] if each["AliasName"] == ALIAS] == []
    assert shop.clients("kms").describe_key(KeyId=id_)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_the_login_of_a_database_is_no_data(shop: Builder) -> None:
    """The next deploy makes it again, unless its stack is gone and has left it."""
    shop.stack("database-main", {"Log": log_group_template("/shop/dev/x")})
    (stack,) = of_kind(shop, "stack")
    described = {"Name": "shop/dev/database/main", "ARN": "arn", "VersionIdsToStages": {"1": ["AWSCURRENT"]}}
    assert Secret(shop.clients).secret(described, stack)["protections"] == []
    assert Secret(shop.clients).secret(described, None)["protections"] == ["irreplaceable", "left_behind"]


def test_databases_and_keys_of_others_are_not_found(clients: Clients) -> None:
    """Both have the same names throughout; the tags decide."""
    own = Builder(clients, Names("shop", "dev", ["keys", "database-main"]))
    other = Builder(clients, Names("shop-dev", "x", ["keys", "database-main"]))
    cluster(other)
    key(other)
    assert own.find() == []


def test_a_system_without_databases_needs_no_permission(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder(clients, Names("shop", "dev", ["table"]))
    for service, call in (("rds", "describe_db_clusters"), ("rds", "get_paginator"), ("kms", "get_paginator")):
        monkeypatch.setattr(clients(service), call, refusal("AccessDenied"))
    assert builder.find() == []
