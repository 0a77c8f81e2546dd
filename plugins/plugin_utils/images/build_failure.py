# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What engines, builders, pip and registries say of an image that could not be built or pushed: pure functions.

What ECR says: https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors-docker.html
"""

from __future__ import annotations

import ast
import re

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.rule import Rule
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

SHOWN = 300  # characters shown of the builder's output
READ_END = 4000  # characters of a builder's output that are read: its error is at the end
UNREACHABLE = (
    r"no such host|could not resolve|Temporary failure in name resolution|connection (refused|reset|timed out)"
    r"|i/o timeout|network is unreachable|no route to host|handshake timeout|Client\.Timeout|request canceled"
    r"|NewConnectionError|ConnectTimeoutError|\bEOF\b|server misbehaving|deadline exceeded|read timed out"
)
# A registry that has too much to do, or fails for the moment; an engine that fails says "500 Server Error" of itself.
TRANSIENT = r"toomanyrequests|rate exceeded|unexpected (HTTP )?status( code)?:? .{0,200}\b50[0234]\b"

# The more special come first.
RULES = (
    Rule(
        (r"no space left on device|disk quota exceeded|not enough space",),
        Problem(
            "disk full",
            "the disk of the engine is full",
            "make room: docker system df shows what takes it, docker builder prune and docker image prune free it",
        ),
    ),
    Rule(
        (r"permission denied", r"docker daemon socket|docker\.sock|connect.*unix|PermissionError"),
        Problem(
            "engine permission",
            "the container engine does not let this user in",
            "add the user to the group docker and log in again, or run a rootless engine and name it by DOCKER_HOST",
        ),
    ),
    Rule(
        (
            r"cannot connect to the docker daemon|error connecting: error while fetching server api version"
            r"|is the docker daemon running|FileNotFoundError.*No such file|cannot find docker|no such file.*docker",
        ),
        Problem("no engine", "no container engine answers", "start Docker, or name where it is by DOCKER_HOST"),
    ),
    Rule(
        (r"manifest (for )?.{0,200}(not found|unknown)|pull access denied|docker\.io/.{0,200}not found",),
        Problem(
            "base image",
            "the base image was not found",
            "fix build_push_base_image, or log in to its registry: docker login",
        ),
    ),
    Rule(
        (r"immutable|tag invalid|TAG_INVALID|ImageTagAlreadyExists",),
        Problem(
            "immutable tag",
            "the registry has another image under this tag, and its tags are immutable",
            "run it again: another build has pushed the same content, and the next run uses it",
        ),
    ),
    Rule(
        (r"name unknown|NAME_UNKNOWN|repository.{0,200}(does not exist|not known|not found)|RepositoryNotFound",),
        Problem(
            "no repository",
            "the repository does not exist",
            "deploy the registry's stack first: ansible-playbook deploy.yml",
        ),
    ),
    Rule(
        (r"token has expired|no basic auth|authentication required|\bunauthorized\b|\b401\b|incorrect username",),
        Problem(
            "login",
            "the registry requires a login",
            "run it again: each run logs in anew; if it stays, check account and region of the repository",
        ),
    ),
    Rule(
        (r"\bdenied\b|not authorized|AccessDenied|\b403\b|forbidden",),
        Problem(
            "permission",
            "this may not be done with these credentials",
            "allow ecr:GetAuthorizationToken on *, and on the repository ecr:BatchCheckLayerAvailability, "
            "ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage, ecr:DescribeImages",
        ),
    ),
    Rule(
        (r"exec format error|no match for platform|does not match the specified platform|no matching manifest",),
        Problem(
            "platform",
            "the image or its base is for another architecture than this engine runs",
            "install QEMU for it (docker run --privileged tonistiigi/binfmt --install all), or build where it runs",
        ),
    ),
    Rule(
        (r"do not match the hashes|hashes are required|hash mismatch",),
        Problem(
            "hash",
            "a package is not the one that is pinned",
            "check the package index and the wheelhouse; after a change of requirements.in run make lock",
        ),
    ),
    Rule(
        (r"pip|pypi|/simple/|wheelhouse|index-url", UNREACHABLE),
        Problem(
            "package network",
            "the build cannot reach the package index",
            "name one by build_push_index_url, give the build a network (build_push_network: host), "
            "or bring the packages: build_push_wheelhouse",
        ),
    ),
    Rule(
        (r"No matching distribution|could not find a version",),
        Problem(
            "package",
            "a pinned package was not found for the Python of the base image",
            "check build_push_index_url, and that wheelhouse and base image are for the same Python and architecture",
        ),
    ),
    Rule(
        (r"registry-1\.docker\.io|docker\.io/|resolve source metadata|auth\.docker\.io", UNREACHABLE),
        Problem(
            "base image network",
            "the registry of the base image cannot be reached",
            "name a mirror's, or one that the engine has already, by build_push_base_image",
        ),
    ),
    Rule(
        (UNREACHABLE,),
        Problem("network", "the registry cannot be reached", "check the network, a proxy of the engine, and DNS"),
    ),
    Rule(
        (TRANSIENT,),
        Problem("busy", "the registry is overloaded or limits the rate", "run it again in some minutes"),
    ),
)
PASSING = {"network", "busy"}
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def build_failure(message: str, output: str, action: str) -> Problem:
    """Return why an image was not built or pushed.

    Args:
        message: what the failed step said.
        output: what its program wrote, the end of which says what stopped it; may be empty.
        action: the failed action, such as ``cannot push registry/app:1``.

    Returns:
        The problem, which quotes the program; of kind ``unknown`` where no rule matches, of one of `PASSING` where
        the same may work later.
    """
    lines = _lines(message, output)
    text = "\n".join(lines)
    rule = next((rule for rule in RULES if rule.matches(text)), None)
    said = shortened(one_line(_telling(lines, rule)), SHOWN).rstrip(".")
    if rule is None:
        return Problem("unknown", f"{action}: {said}", "look into the engine's own log")
    return rule.problem._replace(what=f"{action}: {rule.problem.what} ({said})")


def _lines(message: str, output: str) -> list[str]:
    """Return the builder's output, a line each; community.docker.docker_image puts it into its message."""
    head, mark, logs = message.partition(", logs: [")
    try:
        parts = [str(part) for part in ast.literal_eval(f"[{logs}")] if mark else [output]
    except (ValueError, SyntaxError):
        parts = [logs]
    said = COLOUR.sub("", "\n".join(parts))[-READ_END:]
    # Docker prints the failure after the steps before it.
    return [line.strip() for line in f"{said}\n{head}".splitlines() if line.strip()]


def _telling(lines: list[str], rule: Rule | None) -> str:
    """Return the last line that the rule is about; the last line at all where none is."""
    fitting = [line for line in lines if rule and re.search(rule.patterns[-1], line, re.IGNORECASE)]
    return (fitting or lines or ["nothing was said"])[-1]
