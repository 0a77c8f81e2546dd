# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract with MiniStack: the version, and the private names that the extension leans on."""

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
from emulators import FILES
from playground import ROOT

MENDED = (
    "container_order",
    "container_secrets",
    "dropped_properties",
    "ecs_services",
    "nested_stacks",
    "secrets_manager",
    "task_definitions",
)
LOOK_AGAIN = (
    "MiniStack has another version than the extension was written for: look again at every name of "
    "embedded_aws.extension.extension.NAMES and at the tests named test_ministack_alone_*, then raise its MINISTACK"
)
SIGNATURES = {
    "cloudformation.engine._resolve_dynamic_references": "value previous reuse_ssm reuse_secrets",
    "cloudformation.provisioners._delete_resource": "resource_type physical_id props stack_name logical_id",
    "cloudformation.provisioners._ecs_task_def_create": "logical_id props stack_name",
    "cloudformation.provisioners._ecs_task_def_update": "physical_id old_props new_props stack_name logical_id",
    "cloudformation.provisioners._physical_name": "stack_name logical_id lowercase max_len seeded",
    "cloudformation.provisioners._provision_resource": "resource_type logical_id props stack_name",
    "cloudformation.provisioners._reconcile_tag_list": "store old_props new_props key value prop",
    "cloudformation.provisioners._rename_replacement": "physical_id old_props new_props stack_name logical_id "
    "declared_name current_name create_fn delete_fn delete_when_id_unchanged",
    "cloudformation.provisioners._sm_secret_create": "logical_id props stack_name",
    "cloudformation.provisioners._sm_secret_delete": "physical_id props",
    "cloudformation.provisioners._sm_secret_string": "props",
    "cloudformation.provisioners._sm_secret_update": "physical_id old_props new_props stack_name logical_id",
    "cloudformation.provisioners._update_resource": "resource_type physical_id old_props new_props stack_name "
    "logical_id old_attrs",
    "cloudformation.drift._read_secret": "physical_id props",
    "cloudformation.stacks._runs_on_worker_thread": "resource_type",
    "dynamodb._update_continuous_backups": "data",
    "dynamodb._update_table": "data",
    "dynamodb._update_ttl": "data",
    "ecs._delete_service": "data",
    "ecs._fail_task_start": "task docker_client reason",
    "ecs._make_deployment": "task_definition desired_count status",
    "ecs._register_task_definition": "data",
    "ecs._resolve_container_secrets": "cdef",
    "ecs._run_docker_container": "docker_client cdef run_kwargs refresh_image allow_cached "
    "cache_image fallback_image auth_config",
    "ecs._start_task_worker": "task td container_overrides docker_client",
    "ecs._task_is_active": "task_arn task",
    "ecs.resource_lock": "scope key",
    "iam._boundary_policy_error": "arn",
    "secretsmanager._get_random_password": "data",
    "secretsmanager.resolve_secret_string": "secret_id version_stage version_id",
    "ssm.resolve_parameter_value": "name_or_arn version decrypt",
}


def test_ministack_is_the_version_that_is_mended() -> None:
    assert metadata.version("ministack") == extension.MINISTACK, LOOK_AGAIN
    pinned = re.search(r"^ministack==(\S+)", (ROOT / "requirements" / "local.in").read_text(), re.MULTILINE)
    assert pinned and pinned[1] == extension.MINISTACK, LOOK_AGAIN


def test_all_names_that_are_used_are_listed() -> None:
    used: dict[str, set[str]] = {}
    for name in MENDED:
        tree = ast.parse((FILES / "embedded_aws" / "extension" / f"{name}.py").read_text())
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
    found = getattr(importlib.import_module(f"ministack.services.{module}"), function)
    assert list(inspect.signature(found).parameters) == SIGNATURES[name].split(), LOOK_AGAIN


def test_every_function_that_is_listed_has_its_signature_pinned() -> None:
    listed = {
        f"{module.removeprefix('ministack.services.')}.{name}"
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
        "MiniStack 1.5.34 is installed, and this collection mends 1.5.33 -> python -m pip install ministack==1.5.33"
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
    assert done.stdout == "installed embedded_aws.extension.nested_stacks\n"
