# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What MiniStack's CloudFormation drops in silence: mended here, or refused aloud.

It leans on private names of one version of MiniStack, which NAMES lists: another version is refused. After a bump,
look at each of them again, and at the faults that this collection's tests show of MiniStack on its own.
"""

from __future__ import annotations

import importlib
from importlib import metadata
from types import ModuleType

MINISTACK = "1.5.33"
NAMES = {
    "ministack.services.cloudformation": ("_stacks",),
    "ministack.services.cloudformation.drift": ("_DRIFT_READERS", "_read_secret"),
    "ministack.services.cloudformation.engine": ("_resolve_dynamic_references",),
    "ministack.services.cloudformation.provisioners": (
        "_RESOURCE_HANDLERS",
        "_delete_resource",
        "_ecs_task_def_create",
        "_ecs_task_def_update",
        "_physical_name",
        "_provision_resource",
        "_reconcile_tag_list",
        "_rename_replacement",
        "_sm_secret_create",
        "_sm_secret_delete",
        "_sm_secret_string",
        "_sm_secret_update",
        "_update_resource",
    ),
    "ministack.services.cloudformation.stacks": ("_runs_on_worker_thread",),
    "ministack.services.dynamodb": ("_update_continuous_backups", "_update_table", "_update_ttl"),
    "ministack.services.ecs": (
        "_ACTION_MAP",
        "_SecretResolutionError",
        "_delete_service",
        "_fail_task_start",
        "_make_deployment",
        "_register_task_definition",
        "_resolve_container_secrets",
        "_run_docker_container",
        "_services",
        "_start_task_worker",
        "_tags",
        "_task_defs",
        "_task_is_active",
        "resource_lock",
    ),
    "ministack.services.iam": ("_boundary_policy_error", "_roles"),
    "ministack.services.secretsmanager": ("_get_random_password", "_secrets", "resolve_secret_string"),
    "ministack.services.sns": ("_topics",),
    "ministack.services.ssm": ("resolve_parameter_value",),
}
_INSTALLED = "_ddbload_extension"


class ExtensionError(RuntimeError):
    """MiniStack is not the version that this collection mends."""


def install() -> None:
    """Mend MiniStack in this process; a second call does nothing.

    Raises:
        ExtensionError: another version of MiniStack is installed, or a name is missing from it.
    """
    modules = _checked_modules()
    package = modules["ministack.services.cloudformation"]
    if hasattr(package, _INSTALLED):
        return
    # Only now, since they take hold of the names that have just been checked.
    from embedded_aws.extension import (
        container_order,
        container_secrets,
        dropped_properties,
        ecs_services,
        nested_stacks,
        secrets_manager,
        task_definitions,
    )

    mends = (
        task_definitions,
        container_secrets,
        container_order,
        secrets_manager,
        ecs_services,
        dropped_properties,
        nested_stacks,
    )
    for mended in mends:
        mended.install()
    setattr(package, _INSTALLED, True)


def _checked_modules() -> dict[str, ModuleType]:
    version = metadata.version("ministack")
    if version != MINISTACK:
        raise ExtensionError(
            f"MiniStack {version} is installed, and this collection mends {MINISTACK} -> "
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
