# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README.md of a package: what remains to be done by hand, in order, with the commands of the AWS CLI."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import PurePath
from typing import Any, cast

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import (
    JOB_ROLE,
    Component,
    Job,
    Reference,
    System,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import placeholders
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import (
    PARAMETERS,
    parameter_arn,
    reference,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.secrets import is_created
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.references import Piece, pieces, unescaped
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import BASE, Output
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections, SecureParameter
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.package import PARENT, UPLOADED, Package
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.parameters import role_parameter
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.parent import output_id
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.planned_stack import Taken

CAPABILITIES = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
BUILD_ROLE = "build_push"
WIDTH = 120
Section = tuple[str, Sequence[str]]


def guide(system: System, description: Mapping[str, Any], package: Package) -> str:
    """Return the text of README.md.

    Args:
        system: the system.
        description: its description with the values of the environment and all defaults.
        package: its templates.
    """
    sections = [
        _first(system, description, package),
        *_secrets(description),
        *_between(system, description, package),
        *_second(system, package),
        *_jobs(system, description),
        _last(),
    ]
    lines = [
        f"# {system.name} as CloudFormation templates",
        "",
        *_text(
            f"`{PARENT}` creates the stacks of `stacks/` as nested stacks. Values go down as parameters and up as "
            f"outputs; nothing is exported. Names start with `{BASE}`, as those of a deploy with Ansible. "
            "A stack waits until the parameters that it needs have a value: the first call leaves them out."
        ),
    ]
    for number, (title, body) in enumerate(sections, start=1):
        lines += [f"## {number}. {title}", "", *body]
    return "\n".join(lines).rstrip("\n") + "\n"


def _first(system: System, description: Mapping[str, Any], package: Package) -> Section:
    required = ", ".join(f"`{name}`" for name in _required(package)) or "none"
    text = _text(f"Set the values of your environment. Parameters without a default: {required}.")
    domain = description.get("domain")
    if domain and not domain["zone_id"]:
        text += _text(
            f"The call waits for the certificates. AWS issues them once the parent of {domain['zone']} has the name "
            "servers of the hosted zone that the call creates: `aws route53 get-hosted-zone`."
        )
    return "Create the stacks", [*text, *_block(_settings(system, package), *_deploy(package, []))]


def _second(system: System, package: Package) -> Iterator[Section]:
    given = [name for name in package.parent["Parameters"] if name in _role_parameters(system)]
    if given:
        text = "Give the values of the steps before. Never set one empty again: that deletes the stacks that need it."
        yield "Create the stacks that waited", [*_text(text), *_block(*_deploy(package, given))]


def _jobs(system: System, description: Mapping[str, Any]) -> Iterator[Section]:
    setup = [job for name, job in system.jobs.items() if "setup" in description["jobs"][name]]
    others = [job for job in system.jobs.values() if job not in setup]
    for title, jobs in (("Run the setup jobs, in this order", _ordered(setup, description)), ("Run a job", others)):
        if jobs:
            yield title, [line for job in jobs for line in _job(job, description)]


def _last() -> Section:
    text = _text(
        "Write the package again, and call the commands of step 1: a stack without a change stays as it is. A "
        "parameter that is not named keeps its value, also where the package has another default now. A deletion keeps "
        "what holds data: resources with `DeletionPolicy: Retain` stay, and are yours to delete."
    )
    return "Update and delete", [*text, *_block('aws cloudformation delete-stack --stack-name "$STACK"')]


def _required(package: Package) -> list[str]:
    return [name for name, each in package.parent["Parameters"].items() if "Default" not in each]


def _settings(system: System, package: Package) -> str:
    definitions = package.parent["Parameters"]
    project = definitions["Project"].get("Default", system.project)
    environment = definitions["Environment"].get("Default", "dev")
    return "\n".join(
        [
            "BUCKET=your-bucket  # for the templates, in the same region",
            f"PROJECT={project} ENVIRONMENT={environment}",
            'STACK="$PROJECT-$ENVIRONMENT-package"',
            'output() { aws cloudformation describe-stacks --stack-name "$STACK" \\',
            "  --query \"Stacks[0].Outputs[?OutputKey=='$1'].OutputValue\" --output text; }",
        ]
    )


def _deploy(package: Package, given: Sequence[str]) -> list[str]:
    required = [name for name in _required(package) if name not in ("Project", "Environment")]
    values = ["Project=$PROJECT", "Environment=$ENVIRONMENT", *(f"{name}=..." for name in required)]
    values += [f'{name}="${_variable(name)}"' for name in given]
    return [
        f'aws cloudformation package --template-file {PARENT} --s3-bucket "$BUCKET" --output-template-file {UPLOADED}',
        f'aws cloudformation deploy --template-file {UPLOADED} --s3-bucket "$BUCKET" --stack-name "$STACK" \\\n'
        f"  --capabilities {CAPABILITIES} --tags Project=$PROJECT Environment=$ENVIRONMENT \\\n"
        f"  --parameter-overrides {' '.join(values)}",
    ]


def _between(system: System, description: Mapping[str, Any], package: Package) -> Iterator[Section]:
    """Yield the steps that are roles between stacks: title and lines."""
    for component in system.components.values():
        if component.is_stack:
            continue
        known = {
            name: parameter
            for name in component.gives
            if (parameter := role_parameter(Taken(component.name, name))) in package.parent["Parameters"]
        }
        if component.role == BUILD_ROLE:
            yield _build(component, known)
        elif component.role == PARAMETERS:
            yield _secure_parameters(description, known)
        else:
            takes = ", ".join(f"`{output_id(Taken(*each[:2]))}`" for each in component.takes.values()) or "none"
            gives = ", ".join(f"`{each}`" for each in known.values()) or "none"
            text = (
                f"Do what role `{component.role}` of the collection does, with outputs {takes}, for parameters {gives}."
            )
            yield f"Step {component.name}", _text(text)


def _build(component: Component, known: Mapping[str, str]) -> Section:
    source = str(component.arguments.get("build_push_source", "loadtest_app"))
    references = {each.output: _output(each) for each in component.takes.values()}
    repository = references.get("RepositoryUri", "the URI of a repository")
    lines = [
        'TAG="$(git rev-parse --short HEAD)"',
        f'REPOSITORY="{repository}"',
        'aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY%%/*}"',
        f'docker build --tag "$REPOSITORY:$TAG" {shlex.quote("/".join(PurePath(source).parts[-3:]).lstrip("/"))}',
        'docker push "$REPOSITORY:$TAG"',
    ]
    values = {
        "ImageUri": '"$REPOSITORY:$TAG"',
        "RepositoryArn": '"$(aws ecr describe-repositories --repository-names "${REPOSITORY#*/}" '
        "--query 'repositories[0].repositoryArn' --output text)\"",
    }
    lines += [f"{_variable(parameter)}={values.get(name, '...')}" for name, parameter in known.items()]
    text = (
        "The image's sources are in the collection. Take an image that exists already by setting these variables alone."
    )
    return "Build and push the image", [*_text(text), *_block(*lines)]


def _secure_parameters(description: Mapping[str, Any], known: Mapping[str, str]) -> Section:
    sections = cast(Sections, description)
    lines = []
    for name, parameter in sections["parameters"].items():
        path = f'"/$PROJECT/$ENVIRONMENT/{name}"'
        key = f' --key-id "alias/$PROJECT-$ENVIRONMENT-{parameter["key"]}"' if "key" in parameter else ""
        # A word of a command would be in the list of processes.
        put = f"aws ssm put-parameter --type SecureString --value file:///dev/stdin --name {path}{key}"
        lines.append(f"{_parameter_value(parameter, sections)} | tr -d '\\n' | \\\n  {put}")
        arn = known.get(parameter_arn(name).name)
        if arn:
            read = f"aws ssm get-parameter --name {path} --query Parameter.ARN --output text"
            lines.append(f'{_variable(arn)}="$({read})"')
    text = "CloudFormation cannot create a SecureString. Add --overwrite where a parameter exists."
    return "Put the SSM parameters", [*_text(text), *_block(*lines)]


def _parameter_value(parameter: SecureParameter, sections: Sections) -> str:
    """Return the command that prints the value of an SSM parameter."""
    if "generate" in parameter:
        return f"openssl rand -hex {(parameter['generate'] + 1) // 2}"
    if "secret" not in parameter:
        return f'printf %s "{"".join(map(_piece, pieces(parameter["value"])))}"'
    secret = reference(parameter["secret"])
    source, key = secret.arn(sections), secret.key
    arn = _output_of(source) if isinstance(source, Output) else source
    read = f'aws secretsmanager get-secret-value --secret-id "{arn}" --query SecretString --output text'
    field = f" | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"{key}\"])'" if key else ""
    return f"{read}{field}"


def _piece(piece: Piece) -> str:
    """Return a part of a value for the shell's double quotes."""
    if isinstance(piece, Output):
        return _output_of(piece)
    return re.sub(r'([\\"$`])', r"\\\1", unescaped(piece)) if isinstance(piece, str) else f"<{piece.name}>"


def _output_of(output: Output) -> str:
    return f"$(output {output_id(Taken(output.component, output.name))})"


def _secrets(description: Mapping[str, Any]) -> Iterator[Section]:
    empty = [name for name, each in description["secrets"].items() if is_created(each) and "generate" not in each]
    if empty:
        put = 'aws secretsmanager put-secret-value --secret-id "$PROJECT/$ENVIRONMENT/'
        lines = [f'{put}{name}" --secret-string file://{name}.txt' for name in empty]
        text = "They are empty, and no task starts that needs one. A file keeps the value out of the shell's history."
        yield "Put the secrets", [*_text(text), *_block(*lines)]


def _ordered(jobs: Sequence[Job], description: Mapping[str, Any]) -> list[Job]:
    """Return setup jobs, each after those that it names."""
    by_name = {job.name: job for job in jobs}
    after = {name: description["jobs"][name]["setup"]["after"] for name in by_name}
    return [by_name[name] for name in TopologicalSorter(after).static_order() if name in by_name]


def _job(job: Job, description: Mapping[str, Any]) -> list[str]:
    if job.role != JOB_ROLE:
        return _text(f"Job {job.name} is role `{job.role}` of the collection, and needs Ansible.")
    section = description["jobs"][job.name]
    takes = {name: _output(reference) for name, reference in job.takes.items()}
    setup = section.get("setup", {})
    words = placeholders(section["command"])
    container = {"name": job.name, "command": list(section["command"])}
    overrides = f" \\\n  --overrides {shlex.quote(json.dumps({'containerOverrides': [container]}))}" if words else ""
    network = f"subnets=[{takes['job_subnets']}],securityGroups=[{takes['job_security_group']}]"
    run = (
        f'aws ecs run-task --cluster "{takes["job_cluster"]}" --launch-type FARGATE \\\n'
        f'  --task-definition "{takes["job_task_definition"]}" \\\n'
        f'  --network-configuration "awsvpcConfiguration={{{network}}}"{overrides}'
    )
    waits, replaced = ", ".join(setup.get("waits_for", [])), ", ".join(f"`{{{word}}}`" for word in words)
    notes = [
        f"Job {job.name}.",
        *([f"Wait until services {waits} are stable."] if waits else []),
        *([f"Replace {replaced} in the command."] if words else []),
    ]
    restarts = [
        f'aws ecs update-service --cluster "{takes["job_cluster"]}" --service "$PROJECT-$ENVIRONMENT-{name}" \\\n'
        "  --force-new-deployment"
        for name in setup.get("restarts", [])
    ]
    after = [*_text("When it has succeeded:"), *_block(*restarts)] if restarts else []
    return [*_text(" ".join(notes)), *_block(run), *after]


def _output(reference: Reference) -> str:
    return _output_of(Output(reference.component, reference.output))


def _role_parameters(system: System) -> set[str]:
    return {
        role_parameter(Taken(component.name, output))
        for component in system.components.values()
        if not component.is_stack
        for output in component.gives
    }


def _variable(parameter: str) -> str:
    """Return the shell variable of a parameter: ImageUri gives IMAGE_URI."""
    spaced = "".join(f"_{each}" if each.isupper() and index else each for index, each in enumerate(parameter))
    return spaced.upper()


def _text(text: str) -> list[str]:
    return [*textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False), ""]


def _block(*commands: str) -> list[str]:
    return ["```bash", *commands, "```", ""]
