# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a secret of a description gets a new value, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.secret_users import (
    copies,
    users,
    writers,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import with_workers
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import reference
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import Output
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    DATABASE,
    PARAMETER,
    Sections,
    container_jobs,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

# The parameter of a job that writes secrets by which it writes new ones, and its value then.
RENEW, RENEWING = "renew", "true"
# Kinds of problems: no such secret, and one that gets its value elsewhere.
UNKNOWN, ELSEWHERE = "unknown", "elsewhere"


class Rotation(NamedTuple):
    """How a secret gets a new value.

    Attributes:
        kind: generate, value (yours), database, parameter, job (which writes it), or restart for no new value.
        arn: ARN of the secret; an output where a stack of the system has it.
        length: characters of a generated value.
        json_key: key of the JSON object that gets it; empty for the whole text.
        database: name of the database.
        parameter: name of the SSM parameter.
        job: the job that writes the secret.
        copies: SSM parameters that have the value, too.
        restarts: services that get new tasks, with the components of their clusters.
    """

    kind: Literal["generate", "value", "database", "parameter", "job", "restart"]
    arn: Output | str = ""
    length: int = 0
    json_key: str = ""
    database: str = ""
    parameter: str = ""
    job: str = ""
    copies: Sequence[str] = ()
    restarts: Sequence[tuple[str, str]] = ()


def rotation(secret: str, sections: Sections, is_restart: bool = False) -> Rotation:
    """Return how a secret gets a new value.

    Args:
        secret: its name, database:NAME for that of a database, or parameter:NAME for a generated SSM parameter.
        sections: the description.
        is_restart: whether the value stays, as it has a new one already.

    Raises:
        ProblemError: there is no such secret, or another system owns its value.
    """
    made = _source(secret, sections)
    if isinstance(made, Problem):
        if made.kind == UNKNOWN or not is_restart:
            raise ProblemError(made)
        made = Rotation("restart")
    elif is_restart:
        made = Rotation("restart")
    services = with_workers(sections)["services"]
    restarts = list(dict.fromkeys([*_restarts(made.job, sections), *users(secret, sections)]))
    return made._replace(
        copies=copies(secret, sections), restarts=[(name, services[name]["cluster"]) for name in restarts]
    )


def _source(secret: str, sections: Sections) -> Rotation | Problem:
    if secret.startswith(DATABASE):
        name = secret.removeprefix(DATABASE)
        if name not in sections["databases"]:
            return _unknown(secret, sections)
        return Rotation("database", reference(secret).arn(sections), database=name)
    if secret.startswith(PARAMETER):
        return _parameter(secret.removeprefix(PARAMETER), sections)
    if secret not in sections["secrets"]:
        return _unknown(secret, sections)
    found = sections["secrets"][secret]
    for key in ("arn", "parameter_arn"):
        if key in found:
            what = f"secret {secret} is {found[key]}, which this system uses and does not own"
            remedy = "give it a new value where it is owned, then call with -e only_restart=true"
            return Problem(ELSEWHERE, what, remedy)
    if by := writers(secret, sections):
        return _job(secret, by[0], sections)
    if "generate" in found:
        return Rotation(
            "generate", reference(secret).arn(sections), length=found["generate"], json_key=found.get("json_key", "")
        )
    return Rotation("value", reference(secret).arn(sections))


def _parameter(name: str, sections: Sections) -> Rotation | Problem:
    if name not in sections["parameters"]:
        return _unknown(f"{PARAMETER}{name}", sections)
    parameter = sections["parameters"][name]
    if "secret" in parameter:
        source = parameter["secret"].partition("#")[0]
        return Problem(ELSEWHERE, f"parameter {name} is a copy of {source}", f"call with -e secret={source}")
    if "value" in parameter:
        return Problem(ELSEWHERE, f"the description has the value of parameter {name}", "change it there, and deploy")
    return Rotation("parameter", parameter=name)


def _job(secret: str, job: str, sections: Sections) -> Rotation | Problem:
    if RENEW in sections["jobs"][job]["parameters"]:
        return Rotation("job", job=job)
    what = f"job {job} writes secret {secret}, and has no parameter {RENEW}, with which it would write a new value"
    remedy = f"add it, or run the job yourself, and then call with -e only_restart=true: run-job.yml -e job={job}"
    return Problem(ELSEWHERE, what, remedy)


def _restarts(job: str, sections: Sections) -> Sequence[str]:
    found = container_jobs(sections).get(job)
    return found["setup"]["restarts"] if found and "setup" in found else ()


def _unknown(secret: str, sections: Sections) -> Problem:
    known = [
        *sections["secrets"],
        *(f"{DATABASE}{name}" for name in sections["databases"]),
        *(f"{PARAMETER}{name}" for name, each in sections["parameters"].items() if "generate" in each),
    ]
    remedy = f"call with -e secret=NAME, where NAME is one of {', '.join(known)}" if known else "add it to secrets"
    return Problem(UNKNOWN, f"there is no secret {secret}" if secret else "no secret is named", remedy)
