#!/usr/bin/python
# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: ECS tasks, launched and followed to their end."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_task_run
short_description: Run ECS tasks to their end, with live logs, exit codes, causes and costs
version_added: 0.1.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Launches one or many tasks of a task definition, follows them until they have ended and their logs have been read,
    and says how each ended.
  - Shows the tasks' log lines and states while they run.
  - Fails where a task did not start, was stopped, or ended with an exit code of O(fail_on). The message says why, how
    to fix it, and ends with the last log lines.
  - Leaves no task behind. Stops the tasks where they take longer than O(wait_timeout), where the play is interrupted
    (see O(on_interrupt)), and where not all of them could be launched within O(launch_timeout).
  - Finds tasks of earlier calls or other clients, and follows (O(state=watch)) or stops (O(state=absent)) them.
options:
  state:
    description:
      - V(run) launches tasks of O(task_definition) and, with O(wait), follows them to their end.
      - V(watch) follows tasks that run already and launches nothing. With O(wait=false) it looks at them once, and
        returns how they are.
      - V(absent) stops the tasks that have not ended and, with O(wait), waits until they have.
      - For V(watch) and V(absent) say by O(tasks), O(started_by) or O(client_token) which tasks are meant.
    type: str
    choices: [run, watch, absent]
    default: run
  cluster:
    description: Name or ARN of the ECS cluster.
    type: str
    required: true
  task_definition:
    description:
      - Family, family and revision (C(family:revision)), or ARN of the task definition. A family alone means its
        latest active revision.
      - Needed for O(state=run), and ignored otherwise.
    type: str
  tasks:
    description:
      - Ids or ARNs of the tasks to watch or stop.
      - ECS forgets a stopped task about an hour after its end. O(state=watch) fails where a task is not known;
        O(state=absent) takes it for stopped.
    type: list
    elements: str
  count:
    description:
      - How many tasks to launch, 1 to 1,000.
      - ECS launches ten tasks a call at most and about twenty a second on Fargate; the module shares the tasks out to
        calls and keeps to that rate. Your quota of Fargate vCPUs is the other limit.
    type: int
    default: 1
  index_variable:
    description:
      - Name of an environment variable that gives each task its index, written C(index/count) with the index from 0,
        such as V(3/25). Use it to share work out to the tasks.
      - Each task is then launched by a call of its own, so that 100 tasks take about five seconds to launch.
      - The variable goes to the first container of O(overrides.containers), else to the first essential container of
        the task definition.
      - RV(tasks[].index) is the index.
    type: str
  launch_type:
    description:
      - What the tasks run on. V(FARGATE) where neither this nor O(capacity_provider_strategy) is given.
      - V(EXTERNAL) is a machine of your own that is registered with the cluster.
      - Mutually exclusive with O(capacity_provider_strategy).
    type: str
    choices: [FARGATE, EC2, EXTERNAL]
  capacity_provider_strategy:
    description:
      - Shares the tasks out to capacity providers. Needed for Fargate Spot, Auto Scaling groups and ECS Managed
        Instances.
      - Up to 20 providers, each of which the cluster has to have. Fargate's do not mix with others.
      - ECS shares out the tasks of each call on its own, and a call launches ten tasks at most, or one with
        O(index_variable). So with O(index_variable) and a base every task goes to the provider with the base.
      - Mutually exclusive with O(launch_type).
    type: list
    elements: dict
    suboptions:
      capacity_provider:
        description: Name of the capacity provider, such as V(FARGATE_SPOT) or V(FARGATE).
        type: str
        required: true
      weight:
        description: Its share of the tasks beyond the base, relative to the other weights; 0 to 1,000.
        type: int
        default: 1
      base:
        description: How many tasks of a call it gets first, 0 to 100,000. Only one provider may have a base.
        type: int
        default: 0
  spot_fallback:
    description:
      - Where V(FARGATE_SPOT) is in O(capacity_provider_strategy) and has no capacity, launch what is missing on
        Fargate on demand instead, at the full price.
      - Replaces also an accepted task that did not start for lack of capacity. A task that Spot takes back
        after it started is not launched again, since its work may be half done; it fails with the cause.
    type: bool
    default: false
  partial_launch:
    description:
      - What to do where ECS launches only some of the tasks.
      - V(fill) retries the missing ones for O(launch_timeout) seconds, while the launched ones run.
      - V(stop) does not try again.
      - Where tasks are still missing then, those that were launched are stopped and the module fails, since part of
        the tasks do different work than requested, and still cost money. A permanent cause, such as a missing
        attribute, ends the retries at once.
    type: str
    choices: [fill, stop]
    default: fill
  launch_timeout:
    description: Seconds for which the launch of missing tasks is retried; 0 tries once.
    type: int
    default: 300
  network_configuration:
    description:
      - Where the tasks' network interfaces go.
      - Needed for task definitions of network mode C(awsvpc), as all on Fargate are, and refused for others.
    type: dict
    suboptions:
      subnets:
        description: Ids of 1 to 16 subnets of one VPC.
        type: list
        elements: str
        required: true
      security_groups:
        description: Ids of up to five security groups of that VPC; the VPC's default one where it is empty.
        type: list
        elements: str
        default: []
      assign_public_ip:
        description:
          - Whether the interfaces get public addresses. For Fargate only.
          - In a public subnet a task needs one to pull its image; in a private subnet it needs a NAT gateway, or VPC
            endpoints for C(ecr.api), C(ecr.dkr), C(logs) and S3 (a gateway endpoint), instead.
        type: bool
        default: false
  overrides:
    description:
      - What differs from the task definition, for these tasks only.
      - ECS takes 8,192 characters in all, counted as JSON; longer ones are refused before anything is launched. Put
        what is longer into SSM or S3.
    type: dict
    suboptions:
      containers:
        description: What differs for containers, each named once.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name of the container in the task definition.
            type: str
            required: true
          command:
            description:
              - The command and its arguments, instead of the image's or the task definition's.
              - Words other than text are written as JSON, so that V(true) is C(true).
            type: list
            elements: raw
          environment:
            description:
              - Environment variables, in addition to the task definition's; they replace those of the same name.
              - Values other than text are written as JSON. A variable with null is left out.
              - Everybody with C(ecs:DescribeTasks) can read them. Pass secrets by C(secrets) in the task definition.
            type: dict
          cpu:
            description: CPU units of the container, 1,024 to a vCPU.
            type: int
          memory:
            description: Hard limit of the container's memory in MiB; beyond it the container is killed.
            type: int
          memory_reservation:
            description: Memory in MiB that is kept free for the container.
            type: int
      cpu:
        description: CPU of the whole task, in units such as V("1024") or as V("1 vCPU").
        type: str
      memory:
        description:
          - Memory of the whole task, in MiB such as V("2048") or as V("2 GB").
          - Fargate takes certain pairs of CPU and memory only.
        type: str
      task_role_arn:
        description: ARN of the role whose permissions the containers have.
        type: str
      execution_role_arn:
        description: ARN of the role with which ECS pulls the image, reads secrets and writes logs.
        type: str
      ephemeral_storage:
        description: Disk space of the task on Fargate in GiB, 21 to 200. Without it a task has 20.
        type: int
  started_by:
    description:
      - A mark on the tasks, for a later call to find them. Up to 128 letters, digits, C(-), C(_) and C(/).
      - For O(state=run) the default derives from O(client_token), and is returned. Choose one that no other
        tasks carry, such as the name and number of a pipeline's run.
    type: str
  group:
    description: Name of the task group; C(family:) and the family's name where it is not given.
    type: str
  tags:
    description:
      - Tags of the tasks, up to 50. Values other than text are written as JSON. A tag with null is left out.
      - Keys have up to 128 characters, values up to 256; neither may start with C(aws:).
    type: dict
  propagate_tags:
    description: V(TASK_DEFINITION) gives the tasks the task definition's tags too.
    type: str
    choices: [TASK_DEFINITION]
  enable_ecs_managed_tags:
    description: Whether ECS tags the tasks with the cluster's name, for cost allocation.
    type: bool
    default: false
  platform_version:
    description: Version of Fargate's platform, such as V(1.4.0); the latest where it is not given. For Fargate only.
    type: str
  enable_execute_command:
    description: Whether C(aws ecs execute-command) may open a shell in the tasks. Needs a task role that allows it.
    type: bool
    default: false
  client_token:
    description:
      - Makes the launch idempotent. Call the module again with the same token and the same other options, and it
        finds the tasks of the first call, follows them to their end and launches only what was never launched. Use
        it where a pipeline may repeat a step, such as C(client_token=deploy-4711-migrate).
      - Tasks that failed are found as well, and fail the repeated call. To run them anew, take another token.
      - Tasks are found for as long as ECS remembers them, about an hour after their end. After that ECS itself still
        launches nothing for a used token until 24 hours have passed, and the module fails, since the result of the
        tasks is no longer known.
      - Up to 64 visible characters of ASCII. A token may serve one set of options; with others, take another token.
      - Where it is not given each call makes a new one, and so launches anew.
      - With O(state=watch) and O(state=absent) the tasks that were launched with this token are meant.
    type: str
  wait:
    description:
      - Whether to wait for the end of the tasks.
      - With V(false) tasks are launched and left alone, and nothing stops one that does not end. Follow them later
        with O(state=watch).
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds from the start of the launch, or from the first look of O(state=watch). Tasks that have not ended by
        then are stopped, a launch that is not complete ends, and the module fails.
      - ECS has no time limit of its own. ECS sends a task SIGTERM, and SIGKILL after its C(stopTimeout) (30 seconds;
        on Fargate at most 120), so the module may take 150 seconds longer.
    type: int
    default: 3600
  log_tail_wait:
    description:
      - Seconds without a new log line after which the log of a stopped task counts as complete, since log lines
        arrive late. The module then reads the log once more for lines that arrived later still.
      - A task whose log says that it is done, such as this collection's load tester, needs no wait. Where it exits with
        0 and the numbers of its lines show no gap, its log is not read once more.
    type: int
    default: 5
  on_interrupt:
    description:
      - What to do when C(ansible-playbook) gets Ctrl-C or SIGTERM.
      - V(stop) stops the tasks and waits 30 seconds to see them stop.
      - V(detach) leaves them running. The message says how to follow and how to stop them.
    type: str
    choices: [stop, detach]
    default: stop
  on_loss:
    description:
      - What to do with the other tasks where one ends with a failure (see O(fail_on)).
      - V(continue) lets them run to their end. A message says at once that the run has failed.
      - V(stop) stops them. Use it where the result of a part is worth nothing.
    type: str
    choices: [stop, continue]
    default: continue
  on_early_failure:
    description:
      - What to do where a task ends with an exit code of O(fail_on) while others are still to be launched.
      - V(stop) launches no more, and stops those that run. What is wrong with one, such as its configuration, is
        mostly wrong with all.
      - V(continue) launches the others.
      - A task that was stopped from outside, or had no capacity, is no reason to launch no more. Without O(wait)
        nothing is looked at while tasks are launched.
    type: str
    choices: [stop, continue]
    default: stop
  control:
    description:
      - A DynamoDB table by which the tasks of a run start and stop together, where they can read one, as this
        collection's load tester can.
      - Stops all tasks by one write, which reaches those that run within about two seconds, instead of one call for
        each. StopTask follows after five seconds for those that still run, and at once for those that have not started.
      - The write is one UpdateItem of the item with the keys C(run), which is O(control.run_id), and C(part), which
        is V(run). It sets C(state) to V(stop), and C(reason). Where it is refused, a warning says so, and StopTask
        alone stops the tasks.
      - Mutually exclusive with O(index_variable), since tasks take their index from the table.
    type: dict
    suboptions:
      table_name:
        description: Name of the table.
        type: str
        required: true
      run_id:
        description: What the tasks know the run by.
        type: str
        required: true
      run_variable:
        description:
          - Name of the environment variable in which the module passes O(control.run_id) to the tasks it launches.
          - Tasks that were found, with O(client_token) or otherwise, have the id of their own launch in it. That id
            counts then instead of O(control.run_id), for the stop as well as for tasks that are still to be launched.
        type: str
  fail_on:
    description:
      - Exit codes to fail on. A code such as V(3), a range such as V(1-5), or V(nonzero).
      - An empty list lets every exit code pass; RV(exit_code) has it.
      - The exit code of a task is that of O(exit_container), else that of its essential containers, the first that is
        not 0.
      - A task that has no exit code, or that was stopped from outside, fails in any case.
    type: list
    elements: str
    default: [nonzero]
  show:
    description:
      - What is shown while the tasks run.
      - V(progress) shows every log line that is not JSON, changes of state, and a line of progress for all tasks
        together. With several tasks each log line starts with the first characters of its task's id.
      - V(all) shows other JSON lines too, as they are.
      - V(none) shows nothing. Choose it where the log may hold secrets; C(no_log) does the same.
      - With C(-v) every change of state of every task is shown, with how long it took.
    type: str
    choices: [progress, all, none]
    default: progress
  log_file:
    description:
      - A file that log lines are written to as they come, with O(count=1) and with many tasks alike. It holds all
        lines, whatever O(log_lines) is, and exists even where the module does not finish.
      - It and its folders are created where they are missing. Its former content is replaced once the first line comes,
        since every call reads the logs from their start. It belongs to the machine that the module runs on.
    type: path
  log_lines:
    description:
      - How many of the newest log lines of each task are returned in RV(tasks[].log_events). V(0) returns none,
        V(-1) all.
      - They are held in memory and printed with C(-v), so keep it small where many tasks write much.
    type: int
    default: 1000
  log_container:
    description:
      - Name of the container whose log is read.
      - Where it is not given that is the first container of O(overrides.containers), else the first essential
        container, that uses the C(awslogs) log driver with a stream prefix.
    type: str
  exit_container:
    description:
      - Name of the container whose exit code decides whether the task passed.
      - Name it where the task has several essential containers, such as an application and a proxy. Where one ends,
        ECS stops the others, so that a proxy ends with V(143) or V(137) after an application that ended with V(0).
      - Where it is not given the exit code of every essential container has to pass O(fail_on).
    type: str
  fargate_prices:
    description:
      - Prices in USD for RV(cost), instead of those that the module knows, which are the on-demand prices of
        C(us-east-1) for Linux and the task definition's CPU architecture.
      - See U(https://aws.amazon.com/fargate/pricing/).
    type: dict
    suboptions:
      vcpu_hour:
        description: Price of a vCPU for an hour.
        type: float
      gb_hour:
        description: Price of a GB of memory for an hour.
        type: float
      storage_gb_hour:
        description: Price of a GB of disk space beyond 20 GB for an hour.
        type: float
  _live:
    description:
      - Internal, not for use in plays, and free to change.
      - File from which the action plugin reads what to show.
    type: path
notes:
  - "Permissions to run and follow: C(ecs:DescribeClusters) on the cluster, C(ecs:RunTask) on the task definition,
    C(ecs:DescribeTasks) and C(ecs:StopTask) on the cluster's tasks, C(logs:GetLogEvents) on the log group's streams,
    C(iam:PassRole) on the task role and the execution role (with C(iam:PassedToService) C(ecs-tasks.amazonaws.com)),
    C(ecs:ListTasks) on C(*) (with the condition key C(ecs:cluster)), and C(ecs:DescribeTaskDefinition) on C(*).
    With O(tags) also C(ecs:TagResource) on the cluster's tasks, with O(control) C(dynamodb:UpdateItem) on the table,
    and for more than ten tasks C(logs:FilterLogEvents) on the log group, without which their lines come later."
  - "Check mode looks further, where it may: C(ec2:DescribeSubnets), C(ec2:DescribeSecurityGroups),
    C(ec2:DescribeRouteTables), C(ecr:DescribeImages), C(ecr:DescribePullThroughCacheRules) and
    C(logs:DescribeLogGroups). A warning names each check without permission."
  - Lines are shown live where the module runs on the controller, so use C(connection=local) or
    C(delegate_to=localhost). Elsewhere, and with C(async), the module does the same work and shows nothing.
  - After Ctrl-C or SIGTERM C(ansible-playbook) stays for up to ten seconds, in which the screen shows how the tasks are
    stopped. The module process does what O(on_interrupt) says, also where C(ansible-playbook) has
    gone by then. Where C(ansible-playbook) is killed (SIGKILL), the module process goes on alone, follows the tasks
    and still stops them after O(wait_timeout). Where the whole machine is lost, or the module process itself is
    killed, the tasks go on; only a deadline in the container ends them then, or a call with O(state=absent) and the
    same O(started_by) or O(client_token).
  - With C(async), let its seconds exceed O(wait_timeout) plus O(launch_timeout) plus 200. Ansible kills the module
    process when they are over, and a killed process stops no tasks.
  - Use O(wait_timeout) rather than the task keyword C(timeout). The latter makes the module do what O(on_interrupt)
    says, too, where it runs on the controller. But Ansible does not wait for that, and reports nothing on the tasks.
  - Failed calls are repeated, and fail the run only after five minutes without a response (one minute with expired
    credentials, which are read anew meanwhile). Where the response to a launch is lost, the module looks for the
    tasks before it repeats the call, so that none is launched twice.
  - For that the module adds the environment variable E(ECS_TASK_RUN_TOKEN) to the tasks, about 80 characters of the
    8,192 that overrides may have.
  - Costs are estimates from the tasks' own times and list prices, without Savings Plans, Spot discounts, data
    transfer and taxes.
attributes:
  check_mode:
    description:
      - Checks that cluster and task definition exist and fit the options, and that subnets, security groups, log
        groups and images of ECR exist. Names all that is missing. Launches and stops nothing.
    support: full
  action:
    description: An action plugin of the same name shows the tasks live.
    support: full
  async:
    description: Supports the C(async) keyword; nothing is shown live then.
    support: full
seealso:
  - module: community.aws.ecs_taskdefinition
  - module: community.aws.ecs_task
  - name: Amazon ECS, RunTask
    description: ECS's own description of most options.
    link: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
  - name: Amazon ECS, stopped tasks
    description: Why tasks stop.
    link: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
  - name: Amazon ECS, idempotency
    description: What a client token is.
    link: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
  - name: Amazon ECS, Fargate capacity providers
    description: Fargate Spot.
    link: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Run a database migration and follow it
  gantry.ecs.ecs_task_run:
    cluster: shop
    task_definition: shop-migrate
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
      security_groups: [sg-0a1b2c3d4e5f60718]
    overrides:
      containers:
        - name: migrate
          command: [python, manage.py, migrate]
          environment:
            LOG_LEVEL: info
    wait_timeout: 900
  delegate_to: localhost

- name: Judge the task by its application, whatever the exit code of its proxy
  gantry.ecs.ecs_task_run:
    cluster: shop
    task_definition: shop-migrate-with-proxy
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
    exit_container: migrate

- name: Check first whether it could run
  gantry.ecs.ecs_task_run:
    cluster: shop
    task_definition: shop-migrate
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
  check_mode: true

- name: Share work out to 25 tasks; each reads its part, such as 3/25, from SHARD
  gantry.ecs.ecs_task_run:
    cluster: shop
    task_definition: shop-import:12
    count: 25
    index_variable: SHARD
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718, subnet-08172635445362718]
    log_file: /tmp/import.log
    log_lines: 50
  register: imported

- name: Say what it cost
  ansible.builtin.debug:
    msg: "{{ imported.count }} tasks, {{ imported.elapsed_s }} s, {{ imported.cost.usd }} USD"

- name: Run on Fargate Spot, and on demand where Spot has no capacity
  gantry.ecs.ecs_task_run:
    cluster: shop
    task_definition: shop-report
    capacity_provider_strategy:
      - capacity_provider: FARGATE_SPOT
    spot_fallback: true
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]

- name: Take exit code 2 (nothing to do) for a success
  gantry.ecs.ecs_task_run:
    cluster: shop
    task_definition: shop-cleanup
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
    fail_on: ["1", 3-255]

- name: Run a step that the pipeline may repeat; a repetition finds the task of the first attempt
  gantry.ecs.ecs_task_run:
    cluster: shop
    task_definition: shop-migrate
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
    client_token: "migrate-{{ lookup('env', 'PIPELINE_ID') }}"

- name: Launch and go on with the play
  gantry.ecs.ecs_task_run:
    cluster: shop
    task_definition: shop-backup
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
    started_by: backup/2026-01-31
    wait: false

- name: Follow it later, from any machine
  gantry.ecs.ecs_task_run:
    state: watch
    cluster: shop
    started_by: backup/2026-01-31

- name: Look at it once
  gantry.ecs.ecs_task_run:
    state: watch
    cluster: shop
    started_by: backup/2026-01-31
    wait: false
  register: backup

- name: Stop it
  gantry.ecs.ecs_task_run:
    state: absent
    cluster: shop
    started_by: backup/2026-01-31

- name: Run in parallel with other work; nothing is shown, and async exceeds wait_timeout + launch_timeout + 200 s
  gantry.ecs.ecs_task_run:
    cluster: shop
    task_definition: shop-report
    network_configuration:
      subnets: [subnet-0a1b2c3d4e5f60718]
    wait_timeout: 900
    launch_timeout: 60
  async: 1200
  poll: 0
  register: report

- name: Wait for it
  ansible.builtin.async_status:
    jid: "{{ report.ansible_job_id }}"
  register: report_end
  until: report_end.finished
  retries: 120
  delay: 10
"""

RETURN = r"""
msg:
  description: The outcome in one line; after a failure up to ten of the last log lines follow.
  returned: always
  type: str
  sample: 1 task ended with exit code 0 after 74.2 s
passed:
  description:
    - Whether the module has not failed, for plays that go on in any case (C(failed_when=false)) and judge later.
  returned: when cluster and tasks were found
  type: bool
  sample: true
checked:
  description: The checks that passed in check mode.
  returned: in check mode with O(state=run)
  type: list
  elements: str
  sample: ["subnet subnet-0a1b2c3d4e5f60718"]
state:
  description: The requested state, as in O(state).
  returned: when cluster and tasks were found
  type: str
  sample: run
cluster:
  description: The cluster, as it was given.
  returned: when cluster and tasks were found
  type: str
  sample: shop
task_definition:
  description: ARN of the task definition; null where no task was found.
  returned: when cluster and tasks were found
  type: str
  sample: arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-migrate:7
started_by:
  description: The mark on the tasks, by which O(state=watch) and O(state=absent) find them; null with O(tasks).
  returned: when cluster and tasks were found
  type: str
  sample: ecs_task_run/6f1f1b5c-4a44-4a7e-9f0a-1d6b0f4f0e59
client_token:
  description: The token of the launch; null where tasks were found by something else.
  returned: when cluster and tasks were found
  type: str
  sample: 6f1f1b5c-4a44-4a7e-9f0a-1d6b0f4f0e59
count:
  description: Number of tasks requested.
  returned: when cluster and tasks were found
  type: int
  sample: 1
launched:
  description: How many of them this call launched.
  returned: when cluster and tasks were found
  type: int
  sample: 1
exit_code:
  description:
    - The first exit code of a task that is not 0, else 0.
    - Null where there is none, as in check mode, with O(wait=false), or where no task started.
  returned: when cluster and tasks were found
  type: int
  sample: 0
timed_out:
  description: Whether O(wait_timeout) was over before the tasks had ended.
  returned: when cluster and tasks were found
  type: bool
  sample: false
interrupted_by:
  description: Name of the signal that interrupted the module, such as V(SIGINT); empty where none did.
  returned: when cluster and tasks were found
  type: str
  sample: ""
detached:
  description: Whether tasks were left running on purpose.
  returned: when cluster and tasks were found
  type: bool
  sample: false
elapsed_s:
  description: Seconds from the launch to the end of the observation.
  returned: when cluster and tasks were found
  type: float
  sample: 74.2
phases:
  description: Durations of the slowest task by phase, in seconds; null where no task has been through it.
  returned: when cluster and tasks were found
  type: dict
  contains: &phases
    provisioning_s:
      description: From the task's creation to the start of the image's pull, while ECS made the network interface.
      type: float
      sample: 12.1
    pull_s:
      description: Pull of the images.
      type: float
      sample: 9.8
    start_s:
      description: From the end of the pull to the start of the containers.
      type: float
      sample: 1.1
    run_s:
      description: From the start of the containers to the end of the essential ones.
      type: float
      sample: 42.0
    stop_s:
      description: From then to the end of the task.
      type: float
      sample: 9.2
    total_s:
      description: From the task's creation to its end.
      type: float
      sample: 74.2
cost:
  description: Estimate of what the tasks cost so far, the sum of theirs; null where none ran on Fargate.
  returned: when cluster and tasks were found
  type: dict
  contains: &cost
    usd:
      description: The cost in USD.
      type: float
      sample: 0.000847
    billed_s:
      description: Seconds that are billed, from the image's pull to the end, at least 60 for a task that started.
      type: int
      sample: 62
    vcpu:
      description: Number of vCPUs.
      type: float
      sample: 1.0
    memory_gb:
      description: Memory in GB.
      type: float
      sample: 2.0
    price_region:
      description: Region whose prices were used; null where they are those of O(fargate_prices).
      type: str
      sample: us-east-1
    price_date:
      description: Day of the prices; null where they are those of O(fargate_prices).
      type: str
      sample: "2026-01-31"
    is_estimate:
      description: Always true.
      type: bool
      sample: true
    is_upper_bound:
      description: Whether the cost is less in truth, since tasks ran on Fargate Spot and on-demand prices were used.
      type: bool
      sample: false
tasks:
  description: The tasks in the order of their launch; empty in check mode where none was launched before.
  returned: when cluster and tasks were found
  type: list
  elements: dict
  contains:
    task_arn:
      description: ARN of the task.
      type: str
      sample: arn:aws:ecs:eu-west-1:123456789012:task/shop/0cc175b9c0f1b6a831c399e269772661
    task_id:
      description: Id of the task, the ARN's last part.
      type: str
      sample: 0cc175b9c0f1b6a831c399e269772661
    index:
      description:
        - Which of the tasks it is, from 0. It is known from O(index_variable), or from the load tester's events.
        - Null where it is not known.
      type: int
      sample: 3
    last_status:
      description: Status when it was last seen.
      type: str
      sample: STOPPED
    exit_code:
      description:
        - The exit code of RV(tasks[].exit_container).
        - Null where there is none, since the task has not ended or its containers never started.
      type: int
      sample: 137
    cause:
      description: What happened and how to fix it, in one line; null while the task runs.
      type: str
      sample: "killed for want of memory (exit code 137): OutOfMemoryError -> raise the memory of the task or container"
    cause_kind:
      description:
        - The kind of the cause; null while the task runs.
        - One of C(passed), C(exit_code), C(image), C(architecture), C(command), C(secrets), C(log_driver), C(memory),
          C(disk), C(capacity), C(quota), C(spot), C(network), C(permission), C(signal), C(stopped), C(retired),
          C(health), C(never_started) and C(unknown).
      type: str
      sample: memory
    stop_code:
      description: ECS' code for the reason why it stopped.
      type: str
      sample: EssentialContainerExited
    stopped_reason:
      description: ECS' reason why it stopped.
      type: str
      sample: Essential container in task exited
    launch_type:
      description: What it ran on.
      type: str
      sample: FARGATE
    capacity_provider:
      description: The capacity provider that it ran on; null where it was launched by O(launch_type).
      type: str
      sample: FARGATE_SPOT
    availability_zone:
      description: Where it ran.
      type: str
      sample: eu-west-1a
    platform_version:
      description: Version of Fargate's platform.
      type: str
      sample: 1.4.0
    cpu:
      description: CPU units that it had, 1,024 to a vCPU.
      type: int
      sample: 1024
    memory:
      description: Memory that it had, in MiB.
      type: int
      sample: 2048
    ephemeral_storage:
      description: Disk space that it had, in GiB.
      type: int
      sample: 20
    image_digests:
      description: Digest of the image that each container really ran, by the container's name.
      type: dict
      sample: {migrate: "sha256:3f786850e387550fdab836ed7e6dc881de23001b9bb3c93d2f8d5ecf0c3a4a71"}
    created_at:
      description: When it was created, ISO 8601.
      type: str
      sample: "2026-01-31T12:00:01.230000+00:00"
    pull_started_at:
      description: When the pull of its images began.
      type: str
      sample: "2026-01-31T12:00:13.330000+00:00"
    pull_stopped_at:
      description: When the pull of its images ended.
      type: str
      sample: "2026-01-31T12:00:23.130000+00:00"
    started_at:
      description: When its containers were started; null where they never were.
      type: str
      sample: "2026-01-31T12:00:24.230000+00:00"
    execution_stopped_at:
      description: When its essential containers ended.
      type: str
      sample: "2026-01-31T12:01:06.230000+00:00"
    stopping_at:
      description: When ECS began to stop it.
      type: str
      sample: "2026-01-31T12:01:07.100000+00:00"
    stopped_at:
      description: When it had stopped.
      type: str
      sample: "2026-01-31T12:01:15.430000+00:00"
    phases:
      description: Its durations by phase, in seconds; null for those that it has not been through.
      type: dict
      contains: *phases
    exit_container:
      description:
        - Name of the container whose exit code is RV(tasks[].exit_code). That is O(exit_container), else the first
          essential container that failed before ECS stopped it, else one that failed, else the first.
        - Null where there is no exit code.
      type: str
      sample: migrate
    containers:
      description: Its containers.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the container.
          type: str
          sample: migrate
        decides:
          description: Whether its exit code is judged by O(fail_on).
          type: bool
          sample: true
        exit_code:
          description: Its exit code; null where it has none.
          type: int
          sample: 137
        reason:
          description: ECS' reason where something went wrong with it.
          type: str
          sample: "OutOfMemoryError: Container killed due to memory usage"
    log_group:
      description: Log group of its output; null where it has none that can be read.
      type: str
      sample: /shop/migrate
    log_stream:
      description: Log stream of its output.
      type: str
      sample: migrate/migrate/0cc175b9c0f1b6a831c399e269772661
    log_lines:
      description: How many lines its log has in all.
      type: int
      sample: 1284
    log_events:
      description: The newest O(log_lines) lines of its log, each once and in order.
      type: list
      elements: dict
      contains:
        timestamp:
          description: Milliseconds since 1970.
          type: int
          sample: 1769860833123
        message:
          description: The line.
          type: str
          sample: Applying shop.0042_add_index... OK
    results:
      description:
        - The event C(run.summary) of the load tester of this collection, some 20 kB; null for every other task.
        - Null where there are several tasks, too. O(log_file) holds the events of all.
      type: dict
      sample: null
    cost:
      description: Estimate of its cost so far; null where it did not run on Fargate, or where a price is not known.
      type: dict
      contains: *cost
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Interrupt
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.parameters import RequestError, check_params
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.runner import Runner

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["run", "watch", "absent"], "default": "run"},
    "cluster": {"type": "str", "required": True},
    "task_definition": {"type": "str"},
    "tasks": {"type": "list", "elements": "str"},
    "count": {"type": "int", "default": 1},
    "index_variable": {"type": "str"},
    "launch_type": {"type": "str", "choices": ["FARGATE", "EC2", "EXTERNAL"]},
    "capacity_provider_strategy": {
        "type": "list",
        "elements": "dict",
        "options": {
            "capacity_provider": {"type": "str", "required": True},
            "weight": {"type": "int", "default": 1},
            "base": {"type": "int", "default": 0},
        },
    },
    "spot_fallback": {"type": "bool", "default": False},
    "partial_launch": {"type": "str", "choices": ["fill", "stop"], "default": "fill"},
    "launch_timeout": {"type": "int", "default": 300},
    "network_configuration": {
        "type": "dict",
        "options": {
            "subnets": {"type": "list", "elements": "str", "required": True},
            "security_groups": {"type": "list", "elements": "str", "default": []},
            "assign_public_ip": {"type": "bool", "default": False},
        },
    },
    "overrides": {
        "type": "dict",
        "options": {
            "containers": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "command": {"type": "list", "elements": "raw"},
                    "environment": {"type": "dict"},
                    "cpu": {"type": "int"},
                    "memory": {"type": "int"},
                    "memory_reservation": {"type": "int"},
                },
            },
            "cpu": {"type": "str"},
            "memory": {"type": "str"},
            "task_role_arn": {"type": "str"},
            "execution_role_arn": {"type": "str"},
            "ephemeral_storage": {"type": "int"},
        },
    },
    "started_by": {"type": "str"},
    "group": {"type": "str"},
    "tags": {"type": "dict"},
    "propagate_tags": {"type": "str", "choices": ["TASK_DEFINITION"]},
    "enable_ecs_managed_tags": {"type": "bool", "default": False},
    "platform_version": {"type": "str"},
    "enable_execute_command": {"type": "bool", "default": False},
    # Not a secret: DescribeTasks returns it.
    "client_token": {"type": "str", "no_log": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
    "log_tail_wait": {"type": "int", "default": 5},
    "on_interrupt": {"type": "str", "choices": ["stop", "detach"], "default": "stop"},
    "on_loss": {"type": "str", "choices": ["stop", "continue"], "default": "continue"},
    "on_early_failure": {"type": "str", "choices": ["stop", "continue"], "default": "stop"},
    "control": {
        "type": "dict",
        "options": {
            "table_name": {"type": "str", "required": True},
            "run_id": {"type": "str", "required": True},
            "run_variable": {"type": "str"},
        },
    },
    "fail_on": {"type": "list", "elements": "str", "default": ["nonzero"]},
    "show": {"type": "str", "choices": ["progress", "all", "none"], "default": "progress"},
    "log_file": {"type": "path"},
    "log_lines": {"type": "int", "default": 1000},
    "log_container": {"type": "str"},
    "exit_container": {"type": "str"},
    "fargate_prices": {
        "type": "dict",
        "options": {
            "vcpu_hour": {"type": "float"},
            "gb_hour": {"type": "float"},
            "storage_gb_hour": {"type": "float"},
        },
    },
    "_live": {"type": "path"},
}
MUTUALLY_EXCLUSIVE = [("launch_type", "capacity_provider_strategy")]


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True
    )
    try:
        check_params(module.params)
    except RequestError as error:
        module.fail_json(msg=str(error))
    with Interrupt() as interrupt:
        Runner(module, interrupt).run()


if __name__ == "__main__":
    main()
