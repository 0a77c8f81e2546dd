# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What MiniStack lacks, or drops without a message: fixed here, or refused.

It uses private names of one version of MiniStack, which NAMES lists: another version is refused. After a bump,
look at each of them again, and at the faults that this collection's tests show of MiniStack on its own.
"""

from __future__ import annotations

import importlib
from importlib import metadata
from types import ModuleType

MINISTACK = "1.5.33"
NAMES = {
    "ministack.app": ("SERVICE_HANDLERS",),
    "ministack.core.responses": (
        "AccountRegionScopedDict",
        "error_response_json",
        "get_account_id",
        "get_region",
        "json_response",
        "request_scope",
    ),
    "ministack.core.router": ("SERVICE_PATTERNS",),
    "ministack.services.acm": ("_certificates",),
    "ministack.services.alb": ("_rules", "set_targets_for_group"),
    "ministack.services.cloudformation": ("_change_sets", "_exports", "_stacks"),
    "ministack.services.cloudformation.changesets": ("_evaluate_conditions", "_resolve_props_for_diff"),
    "ministack.services.cloudformation.drift": ("_DRIFT_READERS", "_read_secret"),
    "ministack.services.cloudformation.engine": ("_resolve_dynamic_references", "_topological_sort"),
    "ministack.services.cloudformation.handlers": ("_ACTION_HANDLERS",),
    "ministack.services.cloudformation.provisioners": (
        "_RESOURCE_HANDLERS",
        "_RETAINING_POLICIES",
        "_delete_resource",
        "_ecs_task_def_create",
        "_ecs_task_def_update",
        "_nested_stack_lookup_name",
        "_physical_name",
        "_provision_resource",
        "_rds_db_cluster_snapshot",
        "_reconcile_tag_list",
        "_rename_replacement",
        "_replace_resource",
        "_sm_secret_create",
        "_sm_secret_delete",
        "_sm_secret_string",
        "_sm_secret_update",
        "_snapshot_resource",
        "_update_resource",
    ),
    "ministack.services.cloudformation.stacks": ("_add_event", "_resource_policy", "_runs_on_worker_thread"),
    "ministack.services.cloudwatch": (
        "_alarms",
        "_calc_stats",
        "_composite_alarms",
        "_dims_from_list",
        "_dims_key",
        "_dispatch_alarm_actions",
        "_error",
        "_evaluate_alarm",
        "_evaluate_parent_alarms",
        "_metrics",
        "_p",
        "_put_metric_alarm",
        "_record_history",
        "_set_alarm_state",
        "_stat_value",
        "cloudformation_set_metric_alarm_tags",
        "record_metric",
    ),
    "ministack.services.dynamodb": ("_update_continuous_backups", "_update_table", "_update_ttl"),
    "ministack.services.ecs": (
        "_ACTION_MAP",
        "_PRE_STOP_STATUSES",
        "_SecretResolutionError",
        "_build_run_kwargs",
        "_circuit_breaker_threshold",
        "_clusters",
        "_complete_service_deployment",
        "_delete_service",
        "_deployment_for_task",
        "_deployment_needs_first_task",
        "_fail_task_start",
        "_get_docker",
        "_iso",
        "_make_deployment",
        "_mark_task_stopped",
        "_maybe_mark_stopped",
        "_primary_deployment",
        "_reconcile_service_tasks",
        "_record_service_task_failure",
        "_record_service_task_healthy",
        "_record_task_ip",
        "_recount_cluster",
        "_refresh_service_state",
        "_register_metadata",
        "_register_task_definition",
        "_resolve_cluster_name",
        "_resolve_container_secrets",
        "_resolve_service_ref",
        "_resolve_task",
        "_resolve_td_key",
        "_run_docker_container",
        "_run_task",
        "_sanitize",
        "_services",
        "_start_task_worker",
        "_stop_task",
        "_sync_service_targets",
        "_tags",
        "_task_defs",
        "_task_ip",
        "_task_is_active",
        "_tasks",
        "_ts_to_epoch",
        "new_uuid",
        "resource_lock",
        "spawn_background",
    ),
    "ministack.services.ecs_metadata": ("_TOKEN_TO_TASK", "handle_request"),
    "ministack.services.efs": ("_access_points", "_delete_file_system", "_file_systems"),
    "ministack.services.iam": ("_boundary_policy_error", "_roles"),
    "ministack.services.rds": ("_get_docker",),
    "ministack.services.route53": ("_lock", "_records", "_tags", "_zones"),
    "ministack.services.secretsmanager": ("_get_random_password", "_secrets", "resolve_secret_string"),
    "ministack.services.sns": ("_topics",),
    "ministack.services.sqs": ("_queues",),
    "ministack.services.ssm": ("resolve_parameter_value",),
}
_INSTALLED = "_ddbload_extension"


class ExtensionError(RuntimeError):
    """MiniStack is not the version that this collection fixes."""


def install() -> None:
    """Fix MiniStack in this process; a second call does nothing.

    Raises:
        ExtensionError: another version of MiniStack is installed, or a name is missing from it.
    """
    modules = _checked_modules()
    package = modules["ministack.services.cloudformation"]
    if hasattr(package, _INSTALLED):
        return
    # Imported only now, since they use the names that have just been checked.
    from embedded_aws.extension.autoscaling import requests, scaling_resources
    from embedded_aws.extension.metrics import alarm_evaluation
    from embedded_aws.extension.resources import (
        access,
        alarms,
        budgets,
        clusters,
        dropped_properties,
        network,
        secrets_manager,
    )
    from embedded_aws.extension.resources.databases import clusters as database_clusters
    from embedded_aws.extension.resources.databases import proxies as database_proxies
    from embedded_aws.extension.resources.stacks import change_sets, nested_deletion, nested_stacks
    from embedded_aws.extension.services import (
        container_health,
        deployment_requests,
        protection,
        scheduler,
        service_resource,
        target_health,
        traffic,
    )
    from embedded_aws.extension.tasks import (
        container_order,
        container_secrets,
        entry_points,
        exits,
        health_checks,
        network_interfaces,
        task_definitions,
    )

    fixes = (
        task_definitions,
        container_secrets,
        container_order,
        entry_points,
        exits,
        health_checks,
        network_interfaces,
        secrets_manager,
        scheduler,
        protection,
        target_health,
        container_health,
        deployment_requests,
        traffic,
        service_resource,
        dropped_properties,
        nested_deletion,
        nested_stacks,
        change_sets,
        access,
        alarms,
        budgets,
        clusters,
        database_clusters,
        database_proxies,
        network,
        alarm_evaluation,
        requests,
        scaling_resources,
    )
    for fixed in fixes:
        fixed.install()
    setattr(package, _INSTALLED, True)


def _checked_modules() -> dict[str, ModuleType]:
    version = metadata.version("ministack")
    if version != MINISTACK:
        raise ExtensionError(
            f"MiniStack {version} is installed, and this collection fixes {MINISTACK} -> "
            f"python -m pip install ministack=={MINISTACK}"
        )
    modules = {name: importlib.import_module(name) for name in NAMES}
    missing = [
        f"{name}.{attribute}" for name in NAMES for attribute in NAMES[name] if not hasattr(modules[name], attribute)
    ]
    if missing:
        raise ExtensionError(
            f"MiniStack {version} lacks {', '.join(missing)} -> install it anew: "
            f"python -m pip install --force-reinstall ministack=={MINISTACK}"
        )
    return modules
