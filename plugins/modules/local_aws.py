#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: the AWS embedded in this machine, started or stopped."""

from __future__ import annotations

DOCUMENTATION = r"""
module: local_aws
short_description: Start or stop an AWS embedded in this machine
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Starts MiniStack, an emulator of AWS, detached from Ansible and bound to 127.0.0.1, and an engine for its ECS tasks.
    It returns when both respond.
  - The engine is a Docker engine of this machine, or the process engine, which runs each task as a process of this
    machine. The process engine isolates nothing.
  - MiniStack accepts only requests with the secret of this start, which is the access key id of the profile
    C(ddbload-local) in the file that RV(credentials_file) names. It refuses web browsers and other users.
  - Needs no service manager and no root permissions. A process is identified by its pid, its start time and its
    command line, so a stale pid file does no harm.
  - The emulator sees none of the operator's AWS credentials and profiles. It keeps its state in memory, so that
    stopping it removes every stack.
  - A load balancer of ELBv2 is served by an Envoy, a third process. It starts with the first load balancer, listens on
    addresses of 127.78.0.0/16, and ends with the last load balancer or with the emulator.
  - A start that fails or is interrupted stops what it had started.
options:
  state:
    description: Whether it runs.
    type: str
    choices: [started, stopped]
    default: started
  port:
    description:
      - Port of 127.0.0.1 on which every service listens.
      - An emulator that runs in O(directory) on another port is not moved, since its stacks would be lost; that is an
        error.
    type: int
    default: 4566
  directory:
    description:
      - Folder of the credentials file, the pid files and the logs C(ministack.log), C(process-engine.log) and
        C(envoy.log).
      - Created if it is missing. It has to belong to the user that runs this module; other users get no access to it.
        The first start requires a new or empty folder.
    type: path
    required: true
  python:
    description: Interpreter that has the packages C(ministack), C(aiohttp) and C(docker). Needed for O(state=started).
    type: path
  process_engine:
    description:
      - The program of the process engine, in the folder of the package C(embedded_aws). Needed for O(state=started).
    type: path
  task_engine:
    description:
      - Engine that runs the tasks. V(auto) prefers a Docker engine at E(DOCKER_HOST) or C(/var/run/docker.sock).
      - With V(docker) the emulator also listens on the address of Docker's bridge, for the containers.
      - An emulator that runs already keeps the engine that it was started with; a warning says so.
    type: str
    choices: [auto, process, docker]
    default: auto
  programs:
    description:
      - Programs that the process engine may run, by the first word of a task's command, such as V(ddbload).
      - An empty list allows every program that a task definition names. Only clients with the secret can run tasks.
      - Counts from the process engine's next start on.
    type: list
    elements: str
    default: []
  log_level:
    description: How much the emulator writes to its log.
    type: str
    choices: [debug, info, warning, error]
    default: warning
  timeout:
    description: Seconds within which each process has to respond.
    type: int
    default: 60
attributes:
  check_mode:
    description:
      - Can run in C(check_mode) and report whether it would start or stop something.
      - What would prevent the start, such as a port in use, is an error in check mode too.
    support: full
"""

EXAMPLES = r"""
- name: Start the embedded AWS
  gantry.ecs.local_aws:
    directory: /home/me/.local/state/ddbload/local-aws-4566
    python: "{{ ansible_playbook_python }}"
    process_engine: roles/local_aws/files/process_engine.py
  register: local

- name: Stop it
  gantry.ecs.local_aws:
    state: stopped
    directory: /home/me/.local/state/ddbload/local-aws-4566
"""

RETURN = r"""
endpoint_url:
  description: Endpoint of every service.
  returned: always
  type: str
  sample: http://127.0.0.1:4566
task_engine:
  description: Engine that runs the tasks, V(process) or V(docker).
  returned: O(state=started)
  type: str
  sample: process
credentials_file:
  description: Credentials file with the profile C(ddbload-local); exists while the emulator runs.
  returned: always
  type: str
  sample: /home/me/.local/state/ddbload/local-aws-4566/credentials
log_files:
  description: Where the processes write; that of Envoy exists once there has been a load balancer.
  returned: always
  type: list
  elements: str
  sample:
    - /home/me/.local/state/ddbload/local-aws-4566/process-engine.log
    - /home/me/.local/state/ddbload/local-aws-4566/ministack.log
    - /home/me/.local/state/ddbload/local-aws-4566/envoy.log
load_balancers:
  description:
    - Load balancers by name, while there are any.
    - C(urls) has the URL of each listener by the port that ELBv2 describes. The port of the URL is another one where
      this user may not listen on it, such as 8080 for 80 and 8443 for 443.
    - C(certificate_authority) is the certificate by which HTTPS listeners are verified, such as by C(curl --cacert).
  returned: O(state=started)
  type: dict
  sample:
    web:
      dns_name: 127.78.214.1
      urls: {"80": http://127.78.214.1/, "443": https://127.78.214.1/}
      certificate_authority: /home/me/.local/state/ddbload/local-aws-4566/front/ca.pem
pids:
  description: Process ids of what runs, by name.
  returned: always
  type: dict
  sample: {ministack: 4243, process-engine: 4242}
"""

import os
import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.process import ProcessError
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.service import (
    preview,
    running_pids,
    start,
    stop,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "port": {"type": "int", "default": 4566},
            "directory": {"type": "path", "required": True},
            "python": {"type": "path"},
            "process_engine": {"type": "path"},
            "programs": {"type": "list", "elements": "str", "default": []},
            "task_engine": {"type": "str", "choices": ["auto", "process", "docker"], "default": "auto"},
            "log_level": {"type": "str", "choices": ["debug", "info", "warning", "error"], "default": "warning"},
            "timeout": {"type": "int", "default": 60},
        },
        required_if=[("state", "started", ["python", "process_engine"])],
        supports_check_mode=True,
    )
    options = module.params
    if not 0 < options["port"] < 65536:
        module.fail_json(msg=f"port is {options['port']}: choose one from 1 to 65535")
    # Absolute, since both processes work in the directory and not here. Links are kept: a venv's python is one.
    python = options["python"] or ""
    settings = Settings(
        port=options["port"],
        directory=Path(options["directory"]).absolute(),
        python=str(Path(shutil.which(python) or python).absolute()),
        process_engine=Path(options["process_engine"] or "").absolute(),
        log_level=options["log_level"],
        programs=tuple(options["programs"]),
    )
    result: dict[str, object] = {}
    try:
        with Interrupt() as interrupt:
            if options["state"] == "stopped":
                changed = bool(running_pids(settings)) if module.check_mode else stop(settings, lambda: bool(interrupt))
            else:
                wanted = options["task_engine"]
                outcome = (
                    preview(settings, wanted, os.environ)
                    if module.check_mode
                    else start(settings, wanted, os.environ, options["timeout"], lambda: bool(interrupt))
                )
                changed, result["task_engine"] = outcome.changed, outcome.engine
                result["load_balancers"] = settings.folder.load_balancers()
                for warning in outcome.warnings:
                    module.warn(warning.line())
            pids = running_pids(settings)
    except (ProcessError, OSError) as error:
        module.fail_json(msg=f"Cannot set the embedded AWS to {options['state']}: {error}")
    module.exit_json(
        changed=changed,
        endpoint_url=settings.endpoint_url,
        log_files=[str(process.log_file) for process in settings.processes],
        credentials_file=str(settings.folder.credentials),
        pids=pids,
        **result,
    )


if __name__ == "__main__":
    main()
