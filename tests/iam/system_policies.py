# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems with a description: their policies, and their rendered stacks with plausible parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import logical_id
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.clusters import (
    cluster_names,
    full_name,
)
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import merged, read
from names_faults import NAMED
from policy_files import policies_of
from system_strategies import EXISTING, KEY, filled, small
from template_parser import ACCOUNT, REGION, ROOT, Rendered, render

Document = Mapping[str, Any]
HERE = f"{REGION}:{ACCOUNT}"
# A description with a resource of each kind.
CONNECTED = {
    "services": {"web": {"calls": ["worker"]}, "worker": {"ports": {"api": 9000}, "service_connect": {"api": {}}}}
}
EVERYTHING = filled(
    merged(
        small(
            observability={"fault_injection": True},
            secrets={"held": {"arn": EXISTING, "key_arn": KEY}},
            keys={"data": {}},
            parameters={"copy": {"secret": "key", "key": "data"}, "other": {"secret": "held"}},
            jobs={"realm": {"setup": {"restarts": ["web"]}}},
            **NAMED,
        ),
        CONNECTED,
    )
)


@cache
def oneshot() -> Document:
    """Return the description of the system oneshot."""
    path = ROOT / "systems" / "oneshot" / "system.yml"
    document: Document = read(path.read_text(), str(path)).description
    return document


def of(name: str, document: Document, environment: str = "dev", project: str = "shop") -> list[dict[str, Any]]:
    """Return the policies of a file for a system in the account of the templates' tests."""
    stacks = [each.name for each in parse(document).components.values() if each.is_stack]
    own = {"project": project, "components": stacks, "account": ACCOUNT, "region": REGION}
    return policies_of(name, environment, description=document, **own)


def stacks_of(document: Document, project: str = "shop", environment: str = "dev") -> Iterator[Rendered]:
    """Yield the rendered stacks of a system, with plausible outputs of the others as parameters."""
    for component in parse(document).components.values():
        if component.rendered:
            base = {"Project": project, "Environment": environment}
            taken = {name: _output(text, document, base) for name, text in component.rendered.takes.items()}
            yield render(component.rendered.template, {**base, **taken})


def _output(reference: str, document: Document, base: Mapping[str, str]) -> Any:
    component, _dot, output = reference.removesuffix("?").partition(".")
    project, environment = base.values()
    if output == "ClusterName":
        return full_name(f"{project}-{environment}", cluster_names(document["components"])[component])
    if output.endswith("SubnetIds"):
        return ["subnet-1", "subnet-2", "subnet-3"]
    if output == "ZonedNatAddresses":
        return ["192.0.2.1", "", ""]
    for section, written, ending in (
        ("queues", f"sqs:{HERE}:{project}-{environment}-{{}}", "QueueArn"),
        ("parameters", f"ssm:{HERE}:parameter/{project}/{environment}/{{}}", "Arn"),
        ("secrets", f"secretsmanager:{HERE}:secret:{project}/{environment}/{{}}-AbCdEf", "Arn"),
    ):
        names = {f"{logical_id(name)}{ending}": name for name in document[section]}
        if component == section and output in names:
            return f"arn:aws:{written.format(names[output])}"
    if component.startswith("database-") and output == "SecretArn":
        name = component.removeprefix("database-")
        return f"arn:aws:secretsmanager:{HERE}:secret:{project}/{environment}/database/{name}-AbCdEf"
    ends = {
        "KeyArn": f"kms:{HERE}:key/1",
        "FileSystemArn": f"elasticfilesystem:{HERE}:file-system/fs-1",
        "AccessPointArn": f"elasticfilesystem:{HERE}:access-point/fsap-1",
        "TableArn": f"dynamodb:{HERE}:table/{project}-{environment}",
        "RepositoryArn": f"ecr:{HERE}:repository/{project}-{environment}",
        "ClusterName": "",
    }
    found = next((end for ending, end in ends.items() if output.endswith(ending)), "")
    return f"arn:aws:{found}" if found else f"{project}-{environment}"
