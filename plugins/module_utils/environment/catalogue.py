# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of resources that an environment may have; a new kind is a file in `kinds` and a line here."""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import Kind, Protectable, Removable
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.alarm import Alarm
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.database import Database
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.database_snapshot import (
    DatabaseSnapshot,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.file_system import FileSystem
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.hosted_zone import HostedZone
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.kms_key import KmsKey
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.queue import Queue
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.repository import Repository
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.secret import Secret
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.table import Table
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.log_group import LogGroup
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.network_interface import NetworkInterface
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.ssm_parameter import SsmParameter
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.task import Task
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.task_definition import TaskDefinition
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.undescribed_stack import UndescribedStack

# In the order in which they are listed: the owner of a resource follows from the stacks, which come first.
KINDS: tuple[type[Kind], ...] = (
    Stack,
    UndescribedStack,
    Task,
    Table,
    Repository,
    FileSystem,
    Queue,
    Secret,
    HostedZone,
    Database,
    DatabaseSnapshot,
    KmsKey,
    TaskDefinition,
    LogGroup,
    SsmParameter,
    Alarm,
    NetworkInterface,
)
BY_NAME: dict[str, type[Kind]] = {kind.name: kind for kind in KINDS}
REMOVABLE: dict[str, type[Removable]] = {kind.name: kind for kind in KINDS if issubclass(kind, Removable)}
PROTECTABLE: dict[str, type[Protectable]] = {kind.name: kind for kind in KINDS if issubclass(kind, Protectable)}
