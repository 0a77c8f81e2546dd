# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of keys, secrets and databases, planted in good templates, by the property that has to find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from template_case import Case

Plant = Callable[[Case], object]
DATABASE = "database-main"


def _key(case: Case) -> dict[str, Any]:
    return case.properties("keys", "DataKey")


def _cluster(case: Case) -> dict[str, Any]:
    return case.properties(DATABASE, "Cluster")


def _proxy(case: Case) -> dict[str, Any]:
    return case.properties(DATABASE, "Proxy")


def _main(case: Case) -> dict[str, Any]:
    found = case.properties("service-web", "TaskDefinition")["ContainerDefinitions"][0]
    assert isinstance(found, dict)
    return found


def _value(case: Case, name: str) -> dict[str, Any]:
    found = next(each for each in _main(case)["Secrets"] if each["Name"] == name)
    assert isinstance(found, dict)
    return found


def _statements(case: Case, role: str, component: str) -> list[dict[str, Any]]:
    found = case.properties(component, role)["Policies"][0]["PolicyDocument"]["Statement"]
    assert isinstance(found, list)
    return found


DATA_FAULTS: Mapping[str, Sequence[Plant]] = {
    "keys_rotate_and_serve_services_alone": (
        lambda case: _key(case).update(EnableKeyRotation=False),
        lambda case: _key(case)["KeyPolicy"]["Statement"][0].update(Principal={"AWS": "*"}),
        lambda case: _key(case)["KeyPolicy"]["Statement"][0].update(Action=["kms:*"]),
        lambda case: _key(case)["KeyPolicy"]["Statement"][1].pop("Condition"),
        lambda case: case.templates["keys"]["Resources"].pop("DataAlias"),
    ),
    "data_has_the_key_of_its_description": (
        lambda case: _cluster(case).pop("KmsKeyId"),
        lambda case: case.properties("secrets", "WebSecret").update(KmsKeyId="alias/aws/secretsmanager"),
    ),
    "values_of_containers_are_whole_or_a_key": (
        lambda case: _value(case, "CLIENT").update(ValueFrom={"Ref": "SecretsWebArn"}),
        lambda case: _value(case, "PASSWORD").update(ValueFrom={"Ref": "DatabaseMainSecretArn"}),
        lambda case: case.properties("secrets", "WebSecret")["GenerateSecretString"].pop("GenerateStringKey"),
        lambda case: _statements(case, "ExecutionRole", "service-web").pop(3),
    ),
    "databases_are_reached_by_their_proxy": (
        lambda case: case.templates[DATABASE]["Outputs"]["Endpoint"].update(
            Value={"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}
        ),
        lambda case: _proxy(case).update(RequireTLS=False),
        lambda case: case.properties(DATABASE, "ProxyTargets").update(DBClusterIdentifiers=["other"]),
        lambda case: case.properties(DATABASE, "ParameterGroup")["Parameters"].pop("require_secure_transport"),
        lambda case: _statements(case, "ProxyRole", DATABASE)[0].update(Resource="arn:aws:secretsmanager:::secret:x"),
        lambda case: _statements(case, "ProxyRole", DATABASE)[1].pop("Condition"),
        lambda case: _main(case).update(
            Environment=[each for each in _main(case)["Environment"] if each["Name"] != "MAIN_DATABASE_PORT"]
        ),
    ),
    "databases_are_private_and_kept": (
        lambda case: _cluster(case)["ServerlessV2ScalingConfiguration"].update(MaxCapacity=256),
        lambda case: _cluster(case).update(BackupRetentionPeriod=1),
        lambda case: _cluster(case).pop("CopyTagsToSnapshot"),
        lambda case: _cluster(case).update(VpcSecurityGroupIds=["sg-1"]),
        lambda case: _cluster(case).update(MasterUserPassword="password"),
        lambda case: case.properties(DATABASE, "SubnetGroup").update(SubnetIds=["subnet-1"]),
        lambda case: case.properties(DATABASE, "Instance1").update(PubliclyAccessible=True),
        lambda case: case.templates[DATABASE]["Resources"].pop("SlowqueryLogGroup"),
    ),
}
