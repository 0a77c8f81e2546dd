# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudFormation's limits, which a package of many stacks can reach, or the template of one stack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn import request
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.template_text import dump

KIND = "package"
MOST = {"Parameters": 200, "Resources": 500, "Outputs": 200, "Mappings": 200}
# Of a template in S3, which is where children are.
MOST_BYTES = 1_000_000
# A template as YAML has fewer than twice the bytes of its JSON, which is written faster.
MOST_GROWTH = 2
LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_VALUE = 255, 1_024, 4_096


def limit_problems(path: str, template: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what of a template is above a limit.

    Args:
        path: of its file.
        template: the template.
    """
    counts = {section: (len(template.get(section, {})), most) for section, most in MOST.items()}
    # As JSON it is longer than the YAML that is written, and known sooner.
    counts["bytes"] = (len(json.dumps(template, indent=2).encode()), MOST_BYTES)
    counts["bytes in Description"] = (len(str(template.get("Description", "")).encode()), LONGEST_DESCRIPTION)
    for what, (count, most) in counts.items():
        if count > most:
            yield _above(f"{path} has {count:,} {what}", most)
    for section in MOST:
        for name in template.get(section, {}):
            if len(name) > LONGEST_NAME:
                yield _above(f"name {name[:40]}... in {section} of {path} has {len(name)} characters", LONGEST_NAME)
    for name, definition in template.get("Parameters", {}).items():
        size = len(str(definition.get("Default", "")).encode())
        if size > LONGEST_VALUE:
            yield _above(f"the default of parameter {name} of {path} has {size:,} bytes", LONGEST_VALUE)


def too_large(templates: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    """Yield each template that no request takes as TemplateBody, with its size in bytes.

    Args:
        templates: the templates by the component of their stack.
    """
    for component, template in templates.items():
        if len(json.dumps(template)) * MOST_GROWTH > request.MOST_BYTES:
            size = len(dump(template).encode())
            if size > request.MOST_BYTES:
                yield component, size


def _above(what: str, most: int) -> Problem:
    return Problem(KIND, f"{what}, CloudFormation takes {most:,}", "deploy the system in parts, or with Ansible")
