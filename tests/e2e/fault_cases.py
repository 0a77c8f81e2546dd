# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults that the tests inject into the launcher's calls, their expected outcomes, and the table of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from launch_env import counting

SLEEP = "time.sleep(120)"
LINES = 5
Rule = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """A fault of calls to AWS.

    Attributes:
        name: for the test's name.
        words: its description, for the table.
        effects: rules of the proxy without the operation; a rule applies after those before it are used up.
        outcome: its expected outcome, for the table.
    """

    name: str
    words: str
    effects: tuple[Rule, ...]
    outcome: str


@dataclass(frozen=True)
class Case:
    """One run of the module with a fault of its calls.

    Attributes:
        name: the test's name.
        fault: the fault of calls to AWS.
        operations: the calls with the fault; empty for every call.
        exists: the expected number of tasks.
        options: the module's options.
        launched_before: whether the test launches a task before, without a fault, for the module to find.
        grace: how long the playbook may take beyond ``wait_timeout``, s.
    """

    name: str
    fault: Fault
    operations: tuple[str, ...]
    exists: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    launched_before: bool = False
    grace: float = 80.0

    @property
    def rules(self) -> list[Rule]:
        """The proxy's rules."""
        return [
            match | effect
            for match in ([called(operation) for operation in self.operations] or [{"service": "*"}])
            for effect in self.fault.effects
        ]


EXPIRED = {"code": "ExpiredTokenException", "message": "The security token included in the request is expired"}


def called(operation: str) -> Rule:
    """Return the part of a rule that selects its calls."""
    return {"service": "logs" if operation == "GetLogEvents" else "ecs", "operation": operation}


AGAIN = "the call is repeated, later each time"
LOOKED_UP = "the call is repeated, a launch only after a look at what there is"
ONCE_EACH = "every task exists once, every line comes once"
PASSING = [
    Fault(
        "throttled",
        "throttled (ThrottlingException), three times running",
        ({"error": {"code": "ThrottlingException"}, "times": 3},),
        f"{AGAIN}; {ONCE_EACH}",
    ),
    Fault(
        "server",
        "failed in AWS (ServerException, then 503), twice each",
        (
            {"error": {"code": "ServerException", "status": 500}, "times": 2},
            {"error": {"code": "ServiceUnavailable", "status": 503}, "times": 2},
        ),
        f"{AGAIN}; {ONCE_EACH}",
    ),
    Fault(
        "reset",
        "connection reset before the request was carried out, twice",
        ({"reset": True, "times": 2},),
        f"{LOOKED_UP}; {ONCE_EACH}",
    ),
    Fault(
        "lost",
        "connection reset after the request was carried out, twice",
        ({"response": {"abort_frac": 0.5}, "times": 2},),
        f"{LOOKED_UP}; {ONCE_EACH}",
    ),
    Fault(
        "slow",
        "request held up for 12 s, then carried out",
        ({"latency": 12_000, "times": 1},),
        f"given up after 10 s; {LOOKED_UP}; {ONCE_EACH}",
    ),
    Fault(
        "late",
        "request carried out, its answer held up for more than 10 s",
        ({"response": {"bandwidth_kbps": 0.01}, "times": 1},),
        f"given up after 10 s; {LOOKED_UP}; {ONCE_EACH}",
    ),
    Fault(
        "cut",
        "answer cut in half, with status 200, twice",
        ({"response": {"truncate_frac": 0.5}, "times": 2},),
        f"{LOOKED_UP}; {ONCE_EACH}",
    ),
    Fault(
        "garbled",
        "answer with 16 bytes of garbage, with status 200, twice",
        ({"response": {"corrupt_bytes": 16}, "times": 2},),
        f"{LOOKED_UP}; {ONCE_EACH}",
    ),
]
ENDLESS = counting(1, end=SLEEP)
OBSERVING = ("DescribeTasks", "GetLogEvents")


def denied(action: str) -> dict[str, str]:
    """Return the error by which AWS refuses an action."""
    user = "arn:aws:sts::000000000000:assumed-role/tester/session"
    message = f"User: {user} is not authorized to perform: {action} because no identity-based policy allows the action"
    return {"code": "AccessDeniedException", "message": message}


def passing_cases() -> Iterator[Case]:
    """Yield a case for each temporary fault on each call."""
    counts = counting(LINES, pause=0.2)
    for fault in PASSING:
        yield Case(f"{fault.name}-RunTask", fault, ("RunTask",), 3, {"count": 3, "overrides": counts})
        yield Case(f"{fault.name}-{'-'.join(OBSERVING)}", fault, OBSERVING, 2, {"count": 2, "overrides": counts})
        yield Case(f"{fault.name}-ListTasks", fault, ("ListTasks",), 1, {"state": "watch"}, launched_before=True)
        yield Case(f"{fault.name}-StopTask", fault, ("StopTask",), 1, {"wait_timeout": 10, "overrides": ENDLESS})


LASTING = [
    Case(
        "expired-for-good",
        Fault(
            "expired",
            "credentials expired (ExpiredTokenException) for good, after the launch",
            ({"error": EXPIRED},),
            "read anew for a minute; then fails, and says which task may still run and how to stop it",
        ),
        ("DescribeTasks", "StopTask"),
        options={"wait_timeout": 8, "overrides": ENDLESS},
        grace=140.0,
    ),
    Case(
        "expired-and-renewed",
        Fault(
            "renewed",
            "credentials expired, renewed after three calls",
            ({"error": EXPIRED, "times": 3},),
            f"read anew; {ONCE_EACH}",
        ),
        OBSERVING,
        2,
        {"count": 2, "overrides": counting(LINES, pause=0.2)},
    ),
    Case(
        "flaky",
        Fault(
            "flaky",
            "two calls of five end in a reset connection, all the time",
            ({"reset": True, "sequence": {"fail": 2, "pass": 3}},),
            f"{LOOKED_UP}; {ONCE_EACH}",
        ),
        (),
        5,
        {"count": 5, "overrides": counting(LINES, pause=0.2)},
    ),
    Case(
        "expired-before-the-launch",
        Fault(
            "expired-before",
            "credentials expired before the launch",
            ({"error": EXPIRED},),
            "fails at once; nothing was launched",
        ),
        ("RunTask",),
        0,
        {"overrides": ENDLESS},
    ),
    Case(
        "logs-denied",
        Fault(
            "logs-denied",
            "no permission to read the log",
            ({"error": denied("logs:GetLogEvents")},),
            "a warning names the permission; exit codes judge the run",
        ),
        ("GetLogEvents",),
        options={"overrides": counting(LINES)},
    ),
    Case(
        "describe-denied",
        Fault(
            "describe-denied",
            "no permission to describe tasks",
            ({"error": denied("ecs:DescribeTasks")},),
            "the task is stopped; fails, and names the permission",
        ),
        ("DescribeTasks",),
        options={"overrides": ENDLESS},
    ),
    Case(
        "stop-denied",
        Fault(
            "stop-denied",
            "no permission to stop a task that overruns",
            ({"error": denied("ecs:StopTask")},),
            "fails, names the permission, and says which task may still run and how to stop it",
        ),
        ("StopTask",),
        options={"wait_timeout": 5, "overrides": ENDLESS},
    ),
    Case(
        "partly-launched",
        Fault(
            "partly-launched",
            "the second batch of a launch throttled for good",
            ({"body": "count == `2`", "error": {"code": "ThrottlingException"}},),
            "tried again for `launch_timeout`; then all tasks of the run are stopped, and it fails",
        ),
        ("RunTask",),
        10,
        {"count": 12, "launch_timeout": 5, "overrides": ENDLESS},
    ),
    Case(
        "carried-out-too-late",
        Fault(
            "carried-out-too-late",
            "request held up for 18 s and carried out although it was repeated, by an AWS that ignores client tokens",
            ({"latency": 18_000, "times": 1},),
            "the task that is too many is stopped; every line of the other comes once",
        ),
        ("RunTask",),
        2,
        # The task runs when the delayed request is carried out, also where the machine delays it further.
        {"overrides": counting(LINES, pause=3.0)},
    ),
]
CASES = [*LASTING, *passing_cases()]


def table() -> str:
    """Return the table of the faults that docs/launcher.md holds, a row for each."""
    rows = ["| fault | on | outcome | how tested |", "|---|---|---|---|"]
    faults = {case.fault.name: case.fault for case in [*passing_cases(), *LASTING]}
    for name, fault in faults.items():
        cases = [case for case in CASES if case.fault.name == name]
        operations = ", ".join(dict.fromkeys(each for case in cases for each in case.operations)) or "every call"
        rows.append(f"| {fault.words} | {operations} | {fault.outcome} | {'; '.join(map(described, fault.effects))} |")
    return "\n".join(rows)


def described(effect: Rule) -> str:
    """Describe what a rule of the proxy does, in the proxy's words."""
    (key, value), *_others = [pair for pair in effect.items() if pair[0] not in ("times", "body", "sequence")]
    if key == "error":
        value = value["code"]
    elif isinstance(value, dict):
        ((key, value),) = value.items()
    what = f"`{key}`" if value is True else f"`{key}: {value}`"
    return what + {None: "", 1: " once", 2: " twice", 3: " three times"}[effect.get("times")]
