# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts files of tasks: names of Route 53, of Service Connect and of databases resolve in a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from docker.api.container import ContainerApiMixin
from ministack.services import ecs, route53

from embedded_aws.names import hosts_file, records
from embedded_aws.names.hosts_file import HostsFile
from embedded_aws.names.registry import EVERYWHERE, NAMES

TARGET = "/etc/hosts"
ROUTE_53 = "route53"
Task = Mapping[str, Any]


class TaskHosts:
    """The hosts files of the tasks that run.

    Attributes:
        scope_of: returns the namespace in which a task resolves names, by its record.
    """

    def __init__(self, directory: Path) -> None:
        """Prepare, and write nothing.

        Args:
            directory: of the files; it is created with the first one.
        """
        self.scope_of: Callable[[Task], str] = lambda _task: EVERYWHERE
        self._directory = directory
        self._files: dict[str, tuple[HostsFile, str]] = {}

    def bind(self, task: Task) -> str | None:
        """Return the bind by which a task has its hosts file; None where it has no names to resolve."""
        publish_records()
        if not (_records() or self.scope_of(task) or NAMES.visible()):
            return None
        return f"{self._path(task['taskArn'])}:{TARGET}:ro"

    def open(self, path: str, address: str) -> None:
        """Write the hosts file of a task whose address is known now.

        Args:
            path: of the file, as the bind has it.
            address: of the task.
        """
        for arn, task in _tasks().items():
            if str(self._path(arn)) == path:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                file, _address = self._files.setdefault(arn, (HostsFile(Path(path)), address))
                file.write(self._content(task, address))

    def look(self) -> None:
        """Follow changed names, and remove the files of tasks that have stopped."""
        publish_records()
        tasks = _tasks()
        for arn, (file, address) in list(self._files.items()):
            task = tasks.get(arn)
            if task is None or task["lastStatus"] == "STOPPED":
                self._files.pop(arn)[0].remove()
            else:
                file.write(self._content(task, address))

    def _path(self, arn: str) -> Path:
        return self._directory / arn.rpartition("/")[2]

    def _content(self, task: Task, address: str) -> str:
        try:
            machine = hosts_file.MACHINE.read_text(encoding="utf-8", errors="replace")
        except OSError:
            machine = ""
        return hosts_file.content(machine, NAMES.visible(self.scope_of(task)), address)


def publish_records() -> None:
    """Publish the names of Route 53's records."""
    NAMES.publish(ROUTE_53, records.addresses(_records(), NAMES.visible(without=ROUTE_53)))


def install(directory: Path) -> TaskHosts:
    """Give tasks their hosts files.

    Args:
        directory: of the files.
    """
    hosts = TaskHosts(directory)
    settings: Callable[..., dict[str, Any]] = ecs._build_run_kwargs
    create: Callable[..., Any] = ContainerApiMixin.create_container_from_config

    def with_hosts(*given: Any, **named: Any) -> dict[str, Any]:
        found = settings(*given, **named)
        task = _tasks().get(found["labels"]["com.amazonaws.ecs.task-arn"])
        bind = hosts.bind(task) if task is not None else None
        return {**found, "volumes": [*found.get("volumes", []), bind]} if bind else found

    def create_with_hosts(self: Any, config: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        created = create(self, config, *rest, **more)
        for bind in (config.get("HostConfig") or {}).get("Binds") or []:
            path, _colon, target = bind.removesuffix(":ro").partition(":")
            if target == TARGET:
                networks = self.inspect_container(created["Id"])["NetworkSettings"]["Networks"]
                hosts.open(path, next(iter(networks.values()))["IPAddress"])
        return created

    ecs._build_run_kwargs = with_hosts
    ContainerApiMixin.create_container_from_config = create_with_hosts
    return hosts


def _tasks() -> dict[str, Task]:
    return {task["taskArn"]: task for _key, task in ecs._tasks.all_items()}


def _records() -> list[Mapping[str, Any]]:
    return [record for found in list(route53._records.to_dict().values()) for record in found]
