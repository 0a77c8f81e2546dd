# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the services and jobs of any system: their roles, secrets, containers, traffic and deployments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import logical_id, output_named
from template_case import Case, Found, walk

DATA = {
    "AWS::EFS::FileSystem",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::Route53::HostedZone",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
}
# Actions that have no resource.
WITHOUT_RESOURCE = {
    "ecr:GetAuthorizationToken",
    "tag:GetResources",
    *(
        f"logs:{name}"
        for name in ("CreateLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies", "PutResourcePolicy")
    ),
}
OF_EXECUTE_COMMAND = {f"ssmmessages:{verb}{what}Channel" for verb in ("Create", "Open") for what in ("Control", "Data")}
WORDS = {
    ("queues", "send"): "sqs:SendMessage",
    ("queues", "receive"): "sqs:DeleteMessage",
    ("secrets", "read"): "secretsmanager:GetSecretValue",
    ("secrets", "write"): "secretsmanager:PutSecretValue",
    ("components", "read"): "dynamodb:GetItem",
    ("components", "write"): "dynamodb:PutItem",
}


def execution_roles_read_own_secrets(case: Case) -> Found:
    """The execution role reads the secrets of its own containers, the log and the image, and nothing else."""
    for component, _name, workload in case.workloads():
        found: dict[str, set[str]] = {}
        for statement in case.statements(component, "ExecutionRole"):
            for action in statement["Action"]:
                found.setdefault(action, set()).update(statement["Resource"])
        own = {
            text.partition("#")[0]
            for each in (workload, *workload["sidecars"].values())
            for text in each["secrets"].values()
        }
        wanted: dict[str, set[str]] = {
            "logs:CreateLogStream": {f"{component}:LogGroup.Arn"},
            "logs:PutLogEvents": {f"{component}:LogGroup.Arn"},
        }
        for text in own:
            action, arn, key = _source(case, text)
            wanted.setdefault(action, set()).add(arn)
            if key:
                wanted.setdefault("kms:Decrypt", set()).add(key)
        images = (each.get("image", "image.ImageUri") for each in (workload, *workload["sidecars"].values()))
        repositories = {f"{one.component}.RepositoryArn" for image in images if (one := output_named(image))}
        if repositories:
            pull = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
            wanted |= dict.fromkeys(pull, repositories) | {"ecr:GetAuthorizationToken": {"*"}}
        if found != wanted:
            yield f"{component}: {found} is not {wanted}"


def _source(case: Case, text: str) -> tuple[str, str, str]:
    """Return how ECS gets what a reference without a key names: the action, the ARN, and that of the key."""
    kind, _colon, name = text.rpartition(":")
    section = case.description[f"{kind or 'secret'}s"][name]
    key = f"keys.{logical_id(section['key'])}KeyArn" if "key" in section else section.get("key_arn", "")
    if kind == "parameter":
        return "ssm:GetParameters", f"parameters.{logical_id(name)}Arn", key
    if kind == "database":
        return "secretsmanager:GetSecretValue", f"database-{name}.SecretArn", key
    if "parameter_arn" in section:
        return "ssm:GetParameters", section["parameter_arn"], key
    return "secretsmanager:GetSecretValue", section.get("arn", f"secrets.{logical_id(name)}Arn"), key


def task_roles_reach_what_is_used(case: Case) -> Found:
    """The task role reaches the queues, tables, secrets and file systems of its workload, and what is granted."""
    for component, _name, workload in case.workloads():
        statements = case.statements(component, "TaskRole")
        found = {resource for statement in statements for resource in statement["Resource"]}
        wanted = {f"file-systems.{logical_id(name)}FileSystemArn" for name in workload["mounts"].values()}
        actions = {action for statement in statements for action in statement["Action"]}
        for name, words in workload["uses"].items():
            section = _section(case, name)
            if section == "queues":
                wanted.add(f"queues.{logical_id(name)}QueueArn")
            elif section == "secrets":
                _action, arn, key = _source(case, name)
                wanted |= {arn, key} - {""}
            elif section == "components":
                wanted |= {f"{name}.TableArn", f"{name}.TableArn/index/*"}
            if missing := {WORDS[section, word] for word in words if word != "connect"} - actions:
                yield f"{component} may not {missing}"
        used = {(_section(case, name), word) for name, words in workload["uses"].items() for word in words}
        if more := {WORDS[word] for word in WORDS if word not in used} & actions:
            yield f"{component} may {more}"
        wanted |= {resource for grant in workload["grants"] for resource in grant["resources"]}
        if workload.get("execute_command"):
            wanted.add("*")
        if found != wanted:
            yield f"{component}: {found} is not {wanted}"
        for statement in statements:
            mounted = statement.get("Condition", {}).get("ArnEquals", {})
            if statement["Sid"].startswith("Mount") and set(mounted) != {"elasticfilesystem:AccessPointArn"}:
                yield f"{component} mounts without its access point"


def _section(case: Case, name: str) -> str:
    sections = (section for section in ("queues", "secrets", "databases") if name in case.description[section])
    return next(sections, "components")


def no_role_has_every_resource(case: Case) -> Found:
    """Only actions that have no resource name all; only Scheduler passes a role, to tasks; no role has all actions."""
    for component, name, properties in case.resources("AWS::IAM::Role"):
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = set(statement["Action"])
                if "*" in (statement["Resource"], *statement["Resource"]) and not (
                    actions <= WITHOUT_RESOURCE or actions == OF_EXECUTE_COMMAND
                ):
                    yield f"{component}: {name} may {actions} on everything"
                if any("*" in action for action in actions):
                    yield f"{component}: {name} may {actions}"
                passed_to = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
                is_scheduler = name == "ScheduleRole" and passed_to == "ecs-tasks.amazonaws.com"
                if "iam:PassRole" in actions and not is_scheduler:
                    yield f"{component}: {name} may pass roles"
        trust = properties["AssumeRolePolicyDocument"]["Statement"]
        if any("aws:SourceAccount" not in each.get("Condition", {}).get("StringEquals", {}) for each in trust):
            yield f"{component}: {name} is assumed for any account"
        boundary = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
        if properties.get("PermissionsBoundary") != boundary:
            yield f"{component}: {name} has no boundary"


def secrets_stay_out_of_environment(case: Case) -> Found:
    """No variable is a secret and plain text; no value of a plain one is a secret's ARN."""
    for component, container in case.containers():
        plain = {each["Name"] for each in container.get("Environment", [])}
        hidden = {each["Name"] for each in container.get("Secrets", [])}
        if plain & hidden:
            yield f"{component}: {plain & hidden} is a secret and plain text"
        for each in container.get("Environment", []):
            text = case.value(component, each["Value"])
            is_hidden = text.startswith("secrets.") or ":secretsmanager:" in text or ":parameter/" in text
            if is_hidden and not each["Name"].endswith("_SECRET_ARN"):
                yield f"{component}: {each['Name']} is {text}"
    for component, name, workload in case.workloads():
        written = {name: workload, **workload["sidecars"]}
        for container in case.properties(component, "TaskDefinition")["ContainerDefinitions"]:
            section = written.get(container["Name"], {})
            if {each["Name"] for each in container.get("Secrets", [])} != set(section.get("secrets", {})):
                yield f"{component}: {container['Name']} has other secrets than described"


def traffic_shifts_between_two_groups(case: Case) -> Found:
    """Two target groups, an infrastructure role and AdvancedConfiguration exactly where traffic shifts."""
    for component, _name, service in case.services():
        strategy = service["deployment"]["strategy"]
        shifts = "load_balancer" in service and strategy != "ROLLING"
        resources = case.templates[component]["Resources"]
        groups = [name for name, each in resources.items() if each["Type"].endswith("::TargetGroup")]
        further = [f"TargetGroup{logical_id(each)}" for each in service["targets"]]
        if len(groups) != (2 if shifts else 1 if "load_balancer" in service else 0) + len(further):
            yield f"{component} has target groups {groups}"
        if ("InfrastructureRole" in resources) != shifts:
            yield f"{component} has {'no' if shifts else 'an'} infrastructure role"
        properties = case.properties(component, "Service")
        for target in properties.get("LoadBalancers", []):
            advanced = target.get("AdvancedConfiguration")
            if (advanced is not None) != shifts:
                yield f"{component} {'lacks' if shifts else 'has'} AdvancedConfiguration"
            if advanced:
                if {advanced["AlternateTargetGroupArn"]["Ref"], target["TargetGroupArn"]["Ref"]} != set(groups):
                    yield f"{component} does not shift between {groups}"
                if resources[advanced["ProductionListenerRule"]["Ref"]]["Type"] != RULE:
                    yield f"{component} has no production rule"
                if ("TestListenerRule" in advanced) != ("test_listener" in service["load_balancer"]):
                    yield f"{component}: test rule"
        for name, rule in resources.items():
            if rule["Type"] == RULE:
                forwarded = rule["Properties"]["Actions"][0]["ForwardConfig"]["TargetGroups"]
                own = {f"TargetGroup{name.removeprefix('ListenerRule')}"} & set(further) or set(groups) - set(further)
                if {each["TargetGroupArn"]["Ref"] for each in forwarded} != own:
                    yield f"{component}: {name} does not forward to {groups}"
        if (
            "load_balancer" in service
            and not shifts
            and "ListenerRule" not in resources["Service"].get("DependsOn", [])
        ):
            yield f"{component} does not wait for its rule"


RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"


def counts_are_left_to_autoscaling(case: Case) -> Found:
    """No DesiredCount exactly where Application Auto Scaling owns the count; 0 switches a service off in both."""
    for component, _name, service in case.services():
        targets = [
            each
            for where, _id, each in case.resources("AWS::ApplicationAutoScaling::ScalableTarget")
            if where == component
        ]
        is_scaled = "scaling" in service or "night_off" in case.description["limits"]
        if len(targets) != is_scaled:
            yield f"{component} has {len(targets)} scalable targets"
        if ("DesiredCount" in case.properties(component, "Service")) == is_scaled:
            yield f"{component} {'has' if is_scaled else 'lacks'} a DesiredCount"
        if service["desired_count"] == 0 and any(each["MaxCapacity"] for each in targets):
            yield f"{component} is switched off and scales"


def circuit_breakers_count(case: Case) -> Found:
    """A rolling deployment has a circuit breaker of type COUNT, another strategy none."""
    for component, _name, service in case.services():
        configuration = case.properties(component, "Service")["DeploymentConfiguration"]
        breaker = configuration.get("DeploymentCircuitBreaker")
        if (breaker is not None) != (service["deployment"]["strategy"] == "ROLLING"):
            yield f"{component}: {configuration}"
        if breaker and (breaker["Enable"] is not True or breaker["ThresholdConfiguration"]["Type"] != "COUNT"):
            yield f"{component}: {breaker}"


def priorities_are_unique(case: Case) -> Found:
    """No two rules of a listener have the same priority."""
    found = Counter(
        (case.value(component, rule["ListenerArn"]), rule["Priority"]) for component, _id, rule in case.resources(RULE)
    )
    for (listener, priority), count in found.items():
        if count > 1 or not 1 <= priority <= 50_000:
            yield f"{count} rules of {listener} have priority {priority}"


def targets_are_addresses(case: Case) -> Found:
    """A task of awsvpc is a target by its address."""
    for component, name, properties in case.resources("AWS::ElasticLoadBalancingV2::TargetGroup"):
        if properties.get("TargetType") != "ip":
            yield f"{component}: {name} is {properties.get('TargetType')}"
    for component, name, properties in case.resources("AWS::ECS::TaskDefinition"):
        if properties["NetworkMode"] != "awsvpc":
            yield f"{component}: {name} is {properties['NetworkMode']}"


def services_name_containers_and_ports(case: Case) -> Found:
    """The container and the port of a service's target are in its task definition, and are those of the group."""
    for component, _name, properties in case.resources("AWS::ECS::Service"):
        definition = case.properties(component, "TaskDefinition")
        ports = {
            (each["Name"], mapping["ContainerPort"])
            for each in definition["ContainerDefinitions"]
            for mapping in each.get("PortMappings", [])
        }
        for target in properties.get("LoadBalancers", []):
            if (target["ContainerName"], target["ContainerPort"]) not in ports:
                yield f"{component}: {target['ContainerName']}:{target['ContainerPort']} is none of {ports}"
            if case.properties(component, target["TargetGroupArn"]["Ref"])["Port"] != target["ContainerPort"]:
                yield f"{component}: its target group has another port"


def containers_fit_together(case: Case) -> Found:
    """Names and ports are unique, what a container waits for and mounts exists, and one container is essential."""
    for component, name, properties in case.resources("AWS::ECS::TaskDefinition"):
        containers = properties["ContainerDefinitions"]
        names = [each["Name"] for each in containers]
        ports = [mapping["ContainerPort"] for each in containers for mapping in each.get("PortMappings", [])]
        if len(set(names)) != len(names) or len(set(ports)) != len(ports):
            yield f"{component}: {name} has containers {names} and ports {ports}"
        volumes = {each["Name"] for each in properties.get("Volumes", [])}
        mounted = {point["SourceVolume"] for each in containers for point in each.get("MountPoints", [])}
        if volumes != mounted:
            yield f"{component}: {mounted} are mounted, {volumes} are volumes"
        for each in containers:
            waits = {wait["ContainerName"]: wait["Condition"] for wait in each.get("DependsOn", [])}
            checked = {other["Name"] for other in containers if "HealthCheck" in other}
            if not set(waits) <= set(names) - {each["Name"]}:
                yield f"{component}: {each['Name']} waits for {waits}"
            if not {other for other, condition in waits.items() if condition == "HEALTHY"} <= checked:
                yield f"{component}: {each['Name']} waits for the health of a container that has no check"
        if sum(each.get("Memory", 0) for each in containers) >= int(properties["Memory"]):
            yield f"{component}: its containers take all memory"
        if not containers[0]["Essential"]:
            yield f"{component}: its main container is not essential"


def alarms_of_deployments_exist(case: Case) -> Found:
    """A deployment's alarms are alarms of the template, exactly those of the description."""
    for component, _name, service in case.services():
        configuration = case.properties(component, "Service")["DeploymentConfiguration"]
        names = configuration.get("Alarms", {}).get("AlarmNames", [])
        resources = case.templates[component]["Resources"]
        for each in names:
            if resources.get(each["Ref"], {}).get("Type") != "AWS::CloudWatch::Alarm":
                yield f"{component}: {each['Ref']} is no alarm"
        if len(names) != len(service["deployment"].get("alarms", [])):
            yield f"{component}: {names} are not the alarms of the deployment"
        if names and not (configuration["Alarms"]["Enable"] and configuration["Alarms"]["Rollback"]):
            yield f"{component}: its alarms do not roll back"


def strategies_have_their_settings(case: Case) -> Found:
    """Settings of a strategy come with it alone, as the description has them; a pause has a timeout."""
    settings = {
        "LINEAR": ("LinearConfiguration", {"StepPercent": "step_percent", "StepBakeTimeInMinutes": "step_bake_time"}),
        "CANARY": (
            "CanaryConfiguration",
            {"CanaryPercent": "canary_percent", "CanaryBakeTimeInMinutes": "canary_bake_time"},
        ),
    }
    for component, _name, service in case.services():
        deployment = service["deployment"]
        configuration = case.properties(component, "Service")["DeploymentConfiguration"]
        if configuration["Strategy"] != deployment["strategy"]:
            yield f"{component}: strategy {configuration['Strategy']}"
        for strategy, (section, keys) in settings.items():
            wanted = {key: deployment[own] for key, own in keys.items() if own in deployment}
            if configuration.get(section, {}) != (wanted if strategy == deployment["strategy"] else {}):
                yield f"{component}: {section} is {configuration.get(section)}"
        if configuration.get("BakeTimeInMinutes") != deployment.get("bake_time"):
            yield f"{component}: bake time"
        hooks = configuration.get("LifecycleHooks", [])
        if [hook["LifecycleStages"] for hook in hooks] != ([deployment["pause"]] if deployment.get("pause") else []):
            yield f"{component}: hooks {hooks}"
        if any(
            hook.get("TimeoutConfiguration", {}).get("TimeoutInMinutes") != deployment["pause_timeout"]
            for hook in hooks
        ):
            yield f"{component}: a pause without its timeout"


def nothing_is_public(case: Case) -> Found:
    """Tasks have no public address; only an internet-facing load balancer is in public subnets."""
    for component, _id, properties in case.resources("AWS::ECS::Service"):
        network = properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        if network["AssignPublicIp"] != "DISABLED":
            yield f"{component} has public addresses"
        if case.value(component, network["Subnets"]) != "network.PrivateSubnetIds":
            yield f"{component} is in other subnets"
    for name, section in case.description["load_balancers"].items():
        properties = case.properties(f"load-balancer-{name}", "LoadBalancer")
        is_public = section["scheme"] == "internet-facing"
        subnets = case.value(f"load-balancer-{name}", properties["Subnets"])
        if (
            subnets != f"network.{'Public' if is_public else 'Private'}SubnetIds"
            or properties["Scheme"] != section["scheme"]
        ):
            yield f"load balancer {name} is in {subnets}"


def data_is_encrypted(case: Case) -> Found:
    """File systems, queues and databases are encrypted; a mount is encrypted in transit, and uses IAM."""
    encryption = ("Encrypted", "SqsManagedSseEnabled", "StorageEncrypted")
    for component, name, properties in case.resources("AWS::EFS::FileSystem", "AWS::SQS::Queue", "AWS::RDS::DBCluster"):
        if not any(properties.get(each) for each in encryption):
            yield f"{component}: {name}"
    for component, template in case.templates.items():
        for node in walk(template["Resources"]):
            volume: Mapping[str, Any] = node.get("EFSVolumeConfiguration", {}) if isinstance(node, dict) else {}
            if volume and (
                volume.get("TransitEncryption") != "ENABLED"
                or volume.get("AuthorizationConfig", {}).get("IAM") != "ENABLED"
            ):
                yield f"{component}: {volume}"


def data_is_kept(case: Case) -> Found:
    """Data stays in the account when its stack, or its name in it, goes: that of a database in a snapshot."""
    for component, template in case.templates.items():
        for name, resource in template["Resources"].items():
            policies = (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
            is_data = resource["Type"] in DATA and component != "job-failures" and not component.startswith("database-")
            if is_data != (policies == ("RetainExceptOnCreate", "Retain")):
                yield f"{component}: {name} has the policies {policies}"
            if resource["Type"] == "AWS::RDS::DBCluster" and policies != ("Snapshot", "Snapshot"):
                yield f"{component}: {name} leaves no snapshot"


EVERY_WORKLOAD = (
    execution_roles_read_own_secrets,
    task_roles_reach_what_is_used,
    no_role_has_every_resource,
    secrets_stay_out_of_environment,
    traffic_shifts_between_two_groups,
    counts_are_left_to_autoscaling,
    circuit_breakers_count,
    priorities_are_unique,
    targets_are_addresses,
    services_name_containers_and_ports,
    containers_fit_together,
    alarms_of_deployments_exist,
    strategies_have_their_settings,
    nothing_is_public,
    data_is_encrypted,
    data_is_kept,
)
