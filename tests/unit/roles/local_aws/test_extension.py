# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract with MiniStack: the version, and the private names that the extension uses."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from embedded_aws.extension import extension
from emulator_env import ROOT
from emulators import FILES

# Installed apart from the rest: what they change is the guard's business.
APART = ("grants.py", "tasks/containers.py")
LOOK_AGAIN = (
    "MiniStack has another version than the extension was written for: look again at every name of "
    "embedded_aws.extension.extension.NAMES and at the tests named test_ministack_alone_*, then raise its MINISTACK"
)
SIGNATURES = {
    "core.responses.error_response_json": "code message status extra message_key content_type",
    "core.responses.get_account_id": "",
    "core.responses.get_region": "",
    "core.responses.json_response": "data status content_type",
    "core.responses.request_scope": "account_id region",
    "alb.set_targets_for_group": "tg_arn targets previous_ids",
    "cloudformation.changesets._evaluate_conditions": "template params",
    "cloudformation.changesets._resolve_props_for_diff": "template params stack_name stack_id",
    "cloudformation.drift._read_secret": "physical_id props",
    "cloudformation.engine._resolve_dynamic_references": "value previous reuse_ssm reuse_secrets",
    "cloudformation.engine._topological_sort": "resources conditions",
    "cloudformation.provisioners._delete_resource": "resource_type physical_id props stack_name logical_id",
    "cloudformation.provisioners._ecs_task_def_create": "logical_id props stack_name",
    "cloudformation.provisioners._ecs_task_def_update": "physical_id old_props new_props stack_name logical_id",
    "cloudformation.provisioners._nested_stack_lookup_name": "physical_id_or_arn",
    "cloudformation.provisioners._physical_name": "stack_name logical_id lowercase max_len seeded",
    "cloudformation.provisioners._provision_resource": "resource_type logical_id props stack_name",
    "cloudformation.provisioners._reconcile_tag_list": "store old_props new_props key value prop",
    "cloudformation.provisioners._rds_db_cluster_snapshot": "physical_id props",
    "cloudformation.provisioners._rename_replacement": "physical_id old_props new_props stack_name logical_id "
    "declared_name current_name create_fn delete_fn delete_when_id_unchanged",
    "cloudformation.provisioners._replace_resource": "resource_type physical_id old_props new_props stack_name "
    "logical_id",
    "cloudformation.provisioners._sm_secret_create": "logical_id props stack_name",
    "cloudformation.provisioners._sm_secret_delete": "physical_id props",
    "cloudformation.provisioners._sm_secret_string": "props",
    "cloudformation.provisioners._sm_secret_update": "physical_id old_props new_props stack_name logical_id",
    "cloudformation.provisioners._snapshot_resource": "resource_type physical_id props",
    "cloudformation.provisioners._update_resource": "resource_type physical_id old_props new_props stack_name "
    "logical_id old_attrs",
    "cloudformation.stacks._add_event": "stack_id stack_name logical_id resource_type status reason physical_id "
    "detailed_status",
    "cloudformation.stacks._resource_policy": "res_def attribute resources params conditions mappings stack_name "
    "stack_id",
    "cloudformation.stacks._runs_on_worker_thread": "resource_type",
    "cloudwatch._calc_stats": "points",
    "cloudwatch._dims_from_list": "dimensions",
    "cloudwatch._dims_key": "dims",
    "cloudwatch._dispatch_alarm_actions": "alarm old_state new_state reason",
    "cloudwatch._error": "code message status use_json use_cbor",
    "cloudwatch._evaluate_alarm": "alarm",
    "cloudwatch._evaluate_parent_alarms": "child seen",
    "cloudwatch._p": "params key default",
    "cloudwatch._put_metric_alarm": "params cbor_data is_cbor is_json",
    "cloudwatch._record_history": "alarm_name old_state new_state reason alarm_type reason_data",
    "cloudwatch._set_alarm_state": "params cbor_data is_cbor is_json",
    "cloudwatch._stat_value": "stats stat_name points",
    "cloudwatch.cloudformation_set_metric_alarm_tags": "name tags",
    "cloudwatch.record_metric": "namespace metric_name value unit dimensions",
    "dynamodb._update_continuous_backups": "data",
    "dynamodb._update_table": "data",
    "dynamodb._update_ttl": "data",
    "ecs._build_run_kwargs": (
        "cdef td env port_bindings ecs_network host_mode task_id task_arn ministack_net_ip cluster_arn"
    ),
    "ecs._circuit_breaker_threshold": "svc",
    "ecs._complete_service_deployment": "cluster_name svc_key expected_deployment_id",
    "ecs._delete_service": "data",
    "ecs._deployment_for_task": "svc task",
    "ecs._deployment_needs_first_task": "deployment td context",
    "ecs._fail_task_start": "task docker_client reason",
    "ecs._get_docker": "",
    "ecs._iso": "",
    "ecs._make_deployment": "task_definition desired_count status",
    "ecs._mark_task_stopped": "task_arn task reason stop_code exit_code",
    "ecs._maybe_mark_stopped": "task docker_client",
    "ecs._primary_deployment": "svc",
    "ecs._reconcile_service_tasks": "cluster_name svc_key",
    "ecs._record_service_task_failure": "task digest_resolution_failed",
    "ecs._record_service_task_healthy": "svc_key task",
    "ecs._record_task_ip": "task container ecs_network",
    "ecs._recount_cluster": "cluster_name",
    "ecs._refresh_service_state": "cluster_name group",
    "ecs._register_metadata": "task_arn cluster_arn td cdef launch_type env host_mode ministack_net_ip",
    "ecs._register_task_definition": "data",
    "ecs._resolve_cluster_name": "ref",
    "ecs._resolve_container_secrets": "cdef",
    "ecs._resolve_service_ref": "ref",
    "ecs._resolve_task": "ref cluster_name",
    "ecs._resolve_td_key": "ref",
    "ecs._run_docker_container": "docker_client cdef run_kwargs refresh_image allow_cached cache_image "
    "fallback_image auth_config",
    "ecs._run_task": "data",
    "ecs._sanitize": "obj",
    "ecs._start_task_worker": "task td container_overrides docker_client",
    "ecs._stop_task": "data",
    "ecs._sync_service_targets": "cluster_name svc",
    "ecs._task_ip": "task",
    "ecs._task_is_active": "task_arn task",
    "ecs._ts_to_epoch": "value",
    "ecs.new_uuid": "",
    "ecs.resource_lock": "scope key",
    "ecs.spawn_background": "fn args thread_name kwargs",
    "ecs_metadata.handle_request": "method path headers body query_params",
    "efs._delete_file_system": "fs_id",
    "iam._boundary_policy_error": "arn",
    "rds._get_docker": "",
    "secretsmanager._get_random_password": "data",
    "secretsmanager.resolve_secret_string": "secret_id version_stage version_id",
    "ssm.resolve_parameter_value": "name_or_arn version decrypt",
}


def test_ministack_is_the_version_that_is_fixed() -> None:
    assert metadata.version("ministack") == extension.MINISTACK, LOOK_AGAIN
    pinned = re.search(r"^ministack==(\S+)", (ROOT / "requirements" / "local.in").read_text(), re.MULTILINE)
    assert pinned and pinned[1] == extension.MINISTACK, LOOK_AGAIN


def test_all_names_that_are_used_are_listed() -> None:
    used: dict[str, set[str]] = {}
    hall = FILES / "embedded_aws" / "extension"
    for file in sorted(hall.rglob("*.py")):
        if str(file.relative_to(hall)) in APART:
            continue
        tree = ast.parse(file.read_text())
        modules = {
            alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack")
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
                used.setdefault(modules[node.value.id], set()).add(node.attr)
    assert used == {module: set(names) for module, names in extension.NAMES.items()}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_function_takes_what_the_extension_gives(name: str) -> None:
    module, _dot, function = name.rpartition(".")
    found = getattr(
        importlib.import_module(f"ministack.{'' if module.startswith('core.') else 'services.'}{module}"), function
    )
    assert list(inspect.signature(found).parameters) == SIGNATURES[name].split(), LOOK_AGAIN


def test_every_function_that_is_listed_has_its_signature_pinned() -> None:
    listed = {
        f"{module.removeprefix('ministack.').removeprefix('services.')}.{name}"
        for module, names in extension.NAMES.items()
        for name in names
        if inspect.isfunction(getattr(importlib.import_module(module), name))
    }
    assert listed == SIGNATURES.keys()


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: "1.5.34")
    with pytest.raises(extension.ExtensionError) as raised:
        extension.install()
    assert str(raised.value) == (
        "MiniStack 1.5.34 is installed, and this collection fixes 1.5.33 -> python -m pip install ministack==1.5.33"
    )


def test_a_missing_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("ministack.services.ecs._make_deployment")
    with pytest.raises(extension.ExtensionError, match=r"lacks ministack\.services\.ecs\._make_deployment -> install"):
        extension.install()


def test_a_second_installation_changes_nothing(tmp_path: Path) -> None:
    program = (
        "from embedded_aws.extension import extension\n"
        "extension.install()\n"
        "from ministack.services.cloudformation import provisioners\n"
        "before = vars(provisioners).copy()\n"
        "extension.install()\n"
        "assert vars(provisioners) == before\n"
        "print('installed', provisioners._provision_resource.__module__)\n"
    )
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(FILES), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=own, capture_output=True, text=True, check=True)
    assert done.stdout == "installed embedded_aws.extension.resources.stacks.nested_stacks\n"
