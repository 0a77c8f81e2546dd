# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs of what the rendered stacks of a description create and use, for IAM policies; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import Component, System, parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.schedule import SCHEDULE
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.setup import SETUP, setup_jobs
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import with_workers
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.databases import CLUSTER, PROXY
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import Reference, reference
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.fault_injection import (
    EXPERIMENT,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.stacks import job_component
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import cluster_name
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.clusters import ROLE, full_name
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.roles import (
    PRIVATE_IMAGE,
    containers,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Sections,
    Workload,
    container_jobs,
)

# Stacks with a template of their own, whose roles the statements of files/iam name.
KINDS = ("cluster", "network", "observability", "registry", "table", "task")


class Named(NamedTuple):
    """A resource type with a name that a template gives: the property, and the ARN's end."""

    type: str
    property: str
    end: str


# By placeholder.
NAMED: Mapping[str, Named] = {
    "Aliases": Named("AWS::KMS::Alias", "AliasName", "kms:{here}:{name}"),
    "Alarms": Named("AWS::CloudWatch::Alarm", "AlarmName", "cloudwatch:{here}:alarm:{name}"),
    "Dashboards": Named("AWS::CloudWatch::Dashboard", "DashboardName", "cloudwatch::{account}:dashboard/{name}"),
    "DatabaseInstances": Named("AWS::RDS::DBInstance", "DBInstanceIdentifier", "rds:{here}:db:{name}"),
    "DatabaseSubnets": Named("AWS::RDS::DBSubnetGroup", "DBSubnetGroupName", "rds:{here}:subgrp:{name}"),
    "Databases": Named("AWS::RDS::DBCluster", "DBClusterIdentifier", "rds:{here}:cluster:{name}"),
    "Families": Named("AWS::ECS::TaskDefinition", "Family", "ecs:{here}:task-definition/{name}:*"),
    "Queues": Named("AWS::SQS::Queue", "QueueName", "sqs:{here}:{name}"),
    # Secrets Manager adds a hyphen and six characters.
    "Secrets": Named("AWS::SecretsManager::Secret", "Name", "secretsmanager:{here}:secret:{name}-??????"),
    "Services": Named("AWS::ECS::Service", "ServiceName", "ecs:{here}:service/{cluster}/{name}"),
    "ServiceDeployments": Named("AWS::ECS::Service", "ServiceName", "ecs:{here}:service-deployment/{cluster}/{name}/*"),
    "ServiceRevisions": Named("AWS::ECS::Service", "ServiceName", "ecs:{here}:service-revision/{cluster}/{name}/*"),
    # https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking-overview.html
    "ScalingAlarms": Named(
        "AWS::ECS::Service", "ServiceName", "cloudwatch:{here}:alarm:TargetTracking-service/{cluster}/{name}-*"
    ),
}
# Resource types whose ARNs AWS chooses, by placeholder; the value says that the system has one.
UNNAMED: Mapping[str, str] = {
    "Budget": "AWS::Budgets::Budget",
    "FileSystems": "AWS::EFS::FileSystem",
    "Keys": "AWS::KMS::Key",
    "Namespaces": "AWS::ServiceDiscovery::HttpNamespace",
    "LoadBalancers": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "Scaling": "AWS::ApplicationAutoScaling::ScalableTarget",
    "SecurityGroupRules": "AWS::EC2::SecurityGroupIngress",
    "TargetGroups": "AWS::ElasticLoadBalancingV2::TargetGroup",
}


@dataclass(frozen=True)
class Names:
    """What names and ARNs of an environment consist of."""

    project: str
    environment: str
    account: str
    region: str
    partition: str

    @property
    def base(self) -> str:
        """The start of the names."""
        return f"{self.project}-{self.environment}"

    @property
    def here(self) -> str:
        """Region and account of an ARN."""
        return f"{self.region}:{self.account}"

    def arn(self, end: str, name: str = "", cluster: str = "") -> str:
        """Return an ARN by its end, in which {here}, {account}, {base}, {name} and {cluster} are replaced."""
        known = {"here": self.here, "account": self.account, "base": self.base, "name": name, "cluster": cluster}
        return f"arn:{self.partition}:" + end.format(**known)

    def log_group(self, workload: str) -> str:
        """Return the ARN of the log group of a service or a job."""
        return self.arn(f"logs:{{here}}:log-group:/{self.project}/{self.environment}/{workload}")

    def filled(self, value: Any) -> str:
        """Return a text, or one in Fn::Sub without values of its own, with what is known replaced."""
        text = str(value["Fn::Sub"] if isinstance(value, Mapping) else value)
        for word, known in (
            ("Project", self.project),
            ("Environment", self.environment),
            ("AWS::AccountId", self.account),
            ("AWS::Region", self.region),
            ("AWS::Partition", self.partition),
        ):
            text = text.replace(f"${{{word}}}", known)
        return text


def resource_values(document: Mapping[str, Any] | None, names: Names) -> dict[str, list[str]]:
    """Return the values of the placeholders that a description gives; all of them are empty without one.

    Args:
        document: the description, checked and with its defaults; None for a system of stacks with own templates.
        names: what ARNs consist of.
    """
    system = parse(document) if document else None
    rendered = [each for each in system.components.values() if each.rendered] if system else []
    sections = cast(Sections, document) if document else None
    clusters = {each: full_name(names.base, name) for each, name in (system.clusters if system else {ROLE: ""}).items()}
    return {
        **{placeholder: _arns(rendered, named, names, clusters) for placeholder, named in NAMED.items()},
        "Clusters": [names.arn("ecs:{here}:cluster/{cluster}", cluster=each) for each in clusters.values()],
        "ClusterTasks": [names.arn("ecs:{here}:task/{cluster}/*", cluster=each) for each in clusters.values()],
        **{placeholder: _types(rendered, type_) for placeholder, type_ in UNNAMED.items()},
        "InfrastructureStacks": [each.name for each in rendered if "InfrastructureRole" in _resources(each)],
        "ScheduledStacks": [each.name for each in rendered if SCHEDULE in _resources(each)],
        "ExperimentStacks": [each.name for each in rendered if EXPERIMENT in _resources(each)],
        "ProxyStacks": [each.name for each in rendered if PROXY in _resources(each)],
        **_of_databases([each for each in rendered if CLUSTER in _resources(each)], names),
        "RuleStacks": [each.name for each in rendered if any(_of_type([each], "AWS::Events::Rule"))],
        **(_named_hosts(rendered, sections, names) if sections else {key: [] for key in OF_HOSTS}),
        **(_used(sections, names, clusters) if sections else {key: [] for key in USED}),
        **(_of_setup(sections, names, clusters) if sections else {key: [] for key in OF_SETUP}),
        **(_of_jobs(system, sections, names) if system and sections else {key: [] for key in OF_JOBS}),
        "ServiceLogStreams": _streams(with_workers(sections)["services"], names) if sections else [],
    }


def kinds(document: Mapping[str, Any] | None, components: Sequence[str]) -> dict[str, str]:
    """Return which stacks with an own template a system has, by their kind with a capital."""
    roles = {each.role for each in parse(document).components.values()} if document else set()
    return {each.capitalize(): each if each in roles | {*components} else "" for each in KINDS}


OF_HOSTS = ("HostNames", "OwnZone", "Records", "Zones")


def _named_hosts(rendered: Sequence[Component], sections: Sections, names: Names) -> dict[str, list[str]]:
    """Return the host names with certificates, and the hosted zone; AWS chooses the id of a zone that it creates."""
    certificates = _of_type(rendered, "AWS::CertificateManager::Certificate")
    own, records = _types(rendered, "AWS::Route53::HostedZone"), _types(rendered, "AWS::Route53::RecordSet")
    zones = [sections["domain"]["zone_id"] or "*"] if own or records else []
    return {
        "HostNames": sorted({names.filled(each["Properties"]["DomainName"]) for each in certificates}),
        "OwnZone": own,
        "Records": records,
        "Zones": [f"arn:{names.partition}:route53:::hostedzone/{each}" for each in zones],
    }


def _of_databases(stacks: Sequence[Component], names: Names) -> dict[str, list[str]]:
    """Return what belongs to the databases, each in a stack of its own, and has a name of CloudFormation or RDS."""
    groups = [each["Properties"]["LogGroupName"] for each in _of_type(stacks, "AWS::Logs::LogGroup")]
    logs = [names.arn("logs:{here}:log-group:{name}", names.filled(each)) for each in groups]
    own = [f"{{base}}-{each.name}-*" for each in stacks]
    return {
        "DatabaseLogs": [arn + end for arn in logs for end in ("", ":*")],
        "DatabaseSecrets": _arns(stacks, NAMED["Secrets"], names, {}),
        "DatabaseSettings": [names.arn(f"rds:{{here}}:cluster-pg:{each}") for each in own],
        "DatabaseSnapshots": [names.arn(f"rds:{{here}}:cluster-snapshot:{each}") for each in own],
    }


USED = (
    *("GrantedActions", "GrantedResources", "TaskKeys", "TaskSecrets"),
    *("UsedKeys", "UsedParameters", "UsedRepositories", "UsedSecrets"),
)


def _used(sections: Sections, names: Names, clusters: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what tasks use and no stack of the system creates."""
    workloads: list[Workload] = [*with_workers(sections)["services"].values(), *container_jobs(sections).values()]
    grants = [grant for each in workloads for grant in each["grants"]]
    secrets = sections["secrets"].values()
    of_tasks = {
        name: sections["secrets"][name] for each in workloads for name in each["uses"] if name in sections["secrets"]
    }
    parameters = [
        names.arn(f"ssm:{{here}}:parameter/{names.project}/{names.environment}/{each}")
        for each in sections["parameters"]
    ]
    images = [container.get("image", "") for each in workloads for container in containers(each)]
    private = [found.groups() for image in images if (found := PRIVATE_IMAGE.match(image))]

    def filled(arn: str) -> str:
        for each, name in clusters.items():
            arn = arn.replace(f"${{{cluster_name(each).parameter}}}", name)
        return names.filled(arn)

    return {
        "GrantedActions": sorted({action for grant in grants for action in grant["actions"]}),
        "GrantedResources": sorted({filled(arn) for grant in grants for arn in grant["resources"]}),
        "TaskKeys": sorted({each["key_arn"] for each in of_tasks.values() if "key_arn" in each}),
        "TaskSecrets": sorted(each.get("arn") or _secret(name, names) for name, each in of_tasks.items()),
        "UsedKeys": sorted({each["key_arn"] for each in secrets if "key_arn" in each}),
        "UsedParameters": sorted(
            {*parameters, *(each["parameter_arn"] for each in secrets if "parameter_arn" in each)}
        ),
        "UsedRepositories": sorted(
            f"arn:{names.partition}:ecr:{region}:{account}:repository/{name}" for account, region, name in private
        ),
        "UsedSecrets": sorted({each["arn"] for each in secrets if "arn" in each}),
    }


def _secret(name: str, names: Names) -> str:
    return names.arn(NAMED["Secrets"].end, f"{names.project}/{names.environment}/{name}")


OF_JOBS = ("JobFamilies", "JobLogs", "JobLogStreams", "JobQueues", "JobStacks", "TakenStacks")


def _of_jobs(system: System, sections: Sections, names: Names) -> dict[str, list[str]]:
    """Return what those who run the jobs of a system need."""
    jobs = container_jobs(sections)
    queues = sorted({job["queue"]["name"] for job in jobs.values() if "queue" in job})
    taken = sorted({component for each in jobs for component in system.jobs[each].needs})
    return {
        "JobFamilies": [names.arn(f"ecs:{{here}}:task-definition/{{base}}-{each}:*") for each in jobs],
        "JobLogs": [names.log_group(each) + end for each in jobs for end in ("", ":*")],
        "JobLogStreams": _streams(jobs, names),
        "JobQueues": [names.arn(f"sqs:{{here}}:{{base}}-{each}") for each in queues],
        "JobStacks": [job_component(each) for each in jobs],
        "TakenStacks": [names.arn(f"cloudformation:{{here}}:stack/{{base}}-{each}/*") for each in taken],
    }


OF_SETUP = (
    *("PutParameters", "CopiedSecrets", "CopiedKeys", "ParameterKeys"),
    *("SetupFamilies", "SetupLogStreams", "SetupStacks", "RestartedServices"),
)


def _of_setup(sections: Sections, names: Names, clusters: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what a deploy needs to put SSM parameters, and to run setup jobs."""
    jobs, parameters = setup_jobs(sections["jobs"]), sections["parameters"]
    sources = [reference(each["secret"]) for each in parameters.values() if "secret" in each]
    copied = [each for each in sources if not each.is_parameter(sections)]
    described = [each.described(sections) for each in copied]
    services = sections["services"]
    put = [*parameters, *(f"{SETUP}/{each}" for each in jobs)]
    restarted = dict.fromkeys(service for job in jobs.values() for service in job["setup"]["restarts"])
    return {
        "PutParameters": [
            names.arn(f"ssm:{{here}}:parameter/{names.project}/{names.environment}/{each}") for each in put
        ],
        "CopiedSecrets": sorted(
            {one.get("arn") or _secret(_secret_name(each), names) for each, one in zip(copied, described, strict=True)}
        ),
        "CopiedKeys": sorted({each["key_arn"] for each in described if "key_arn" in each}),
        "ParameterKeys": sorted({each["key"] for each in (*parameters.values(), *described) if "key" in each}),
        "SetupFamilies": [names.arn(f"ecs:{{here}}:task-definition/{{base}}-{each}:*") for each in jobs],
        "SetupLogStreams": _streams(jobs, names),
        "SetupStacks": [job_component(each) for each in jobs],
        "RestartedServices": [
            names.arn(f"ecs:{{here}}:service/{{cluster}}/{{base}}-{each}", cluster=clusters[services[each]["cluster"]])
            for each in restarted
        ],
    }


def _secret_name(secret: Reference) -> str:
    """Return the end of the name that a secret has in AWS."""
    return f"database/{secret.name}" if secret.section == "databases" else secret.name


def _streams(workloads: Iterable[str], names: Names) -> list[str]:
    """Return the log streams of services or jobs."""
    return [f"{names.log_group(each)}:log-stream:*" for each in workloads]


def _resources(component: Component) -> Mapping[str, Any]:
    found: Mapping[str, Any] = component.rendered.template["Resources"] if component.rendered else {}
    return found


def _of_type(components: Sequence[Component], type_: str) -> Iterator[Mapping[str, Any]]:
    for component in components:
        yield from (each for each in _resources(component).values() if each["Type"] == type_)


def _arns(components: Sequence[Component], named: Named, names: Names, clusters: Mapping[str, str]) -> list[str]:
    return [
        names.arn(named.end, names.filled(each["Properties"][named.property]), _cluster(component, each, clusters))
        for component in components
        for each in _of_type([component], named.type)
    ]


def _cluster(component: Component, resource: Mapping[str, Any], clusters: Mapping[str, str]) -> str:
    """Return the name of the cluster of a service; empty for what is in no cluster."""
    taken = resource["Properties"].get("Cluster", {}).get("Ref", "")
    return clusters.get(component.takes[taken].component, "") if taken else ""


def _types(components: Sequence[Component], type_: str) -> list[str]:
    return [type_] if any(True for _each in _of_type(components, type_)) else []
