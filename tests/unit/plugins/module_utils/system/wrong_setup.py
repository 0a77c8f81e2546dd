# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions with one fault each in setup jobs and SSM parameters, and their nearest neighbours without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wrong_descriptions import REMOVED, Sections, Wrong


def _setup(name: str = "realm", **keys: Any) -> Sections:
    """Return a setup job that is added to the small description."""
    return {"jobs": {name: {"setup": keys}}}


def _one(**keys: Any) -> Sections:
    """Return an SSM parameter that is added to the small description."""
    return {"parameters": {"one": keys}}


SETUP: Mapping[str, Wrong] = {
    "a setup job of a role": Wrong(
        {"jobs": {"realm": {"role": "load_test", "setup": {}}}},
        {"jobs": {"realm": {"setup": REMOVED}}},
        "jobs.realm.setup",
        "is that of a role, which has no task definition to run once",
        "remove it",
    ),
    "a setup job with a queue": Wrong(
        {"jobs": {"sum": {"setup": {}}}},
        {"jobs": {"sum": {"queue": REMOVED}}},
        "jobs.sum.setup",
        "is that of a job whose runs its queue starts",
        "remove it, or queue of the job",
    ),
    "a setup job with a required parameter": Wrong(
        {"jobs": {"realm": {"setup": {}, "parameters": {"to": {"required": True}}}}},
        {"jobs": {"realm": {"parameters": {"to": {"required": False, "default": "all"}}}}},
        "jobs.realm.parameters.to",
        "is required, and no deploy gives it",
        "give it a default, or remove setup from the job",
    ),
    "a setup job after a job that is none": Wrong(
        _setup(after=["mail"]),
        _setup(after=[]),
        "jobs.realm.setup.after.0",
        "is 'mail', which is no setup job",
        "take one of realm",
    ),
    "a setup job that waits for no service": Wrong(
        _setup(waits_for=["wbe"]),
        _setup(waits_for=["web"]),
        "jobs.realm.setup.waits_for.0",
        "is 'wbe', which is no service",
        "take one of web, worker",
    ),
    "a setup job that restarts no service": Wrong(
        _setup(restarts=["wbe"]),
        _setup(restarts=["web"]),
        "jobs.realm.setup.restarts.0",
        "is 'wbe', which is no service",
        "take one of web, worker",
    ),
    "setup jobs in a circle": Wrong(
        {"jobs": {"realm": {"setup": {"after": ["scopes"]}}, "scopes": {"setup": {"after": ["realm"]}}}},
        {"jobs": {"realm": {"setup": {"after": []}}}},
        "jobs.realm.setup.after",
        "lets setup jobs come after each other in a circle: realm after scopes after realm",
        "remove scopes, or another one of these",
    ),
    "a parameter with a misspelt reference": Wrong(
        _one(value="${cluster.name}"),
        _one(value="${cluster.ClusterName}"),
        "parameters.one.value",
        "has a ${ that starts no output of a component",
        "write ${component.Output}, or ${! in place of ${ for the text itself",
    ),
    "a parameter with a pseudo parameter": Wrong(
        _one(value="http://${AWS::Region}/${AWS::Region}"),
        _one(value="http://${cluster.ClusterName}/${!AWS::Region}"),
        "parameters.one.value",
        "has ${AWS::Region}, which CloudFormation replaces in templates alone, and no template has this value",
        "write the text itself, for each environment in its inventory",
    ),
    "a parameter with an output of no component": Wrong(
        _one(value="${clusters.ClusterName}"),
        _one(value="${cluster.ClusterName}"),
        "parameters.one",
        "needs clusters.ClusterName, and clusters is no component",
        "add it, or take one of network, cluster, registry, table, image, security-groups, keys, secrets, "
        "file-systems, queues, database-main, load-balancer-main, service-web, service-worker, service-mail-workers, "
        "job-sum, job-mail, job-failures, dashboard, parameters",
    ),
    "a component with the name of the parameters": Wrong(
        {"components": {"parameters": {"kind": "role", "role": "build_push"}}, **_one(value="x")},
        {"parameters": REMOVED},
        "components.parameters",
        "has the name of the component that puts the section parameters",
        "give it another name",
    ),
}
