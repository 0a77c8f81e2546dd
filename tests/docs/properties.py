# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/properties.md from the properties of rendered templates and their faults; --check only compares."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "properties.md"
TESTS = "tests/unit/plugins/module_utils/system/test_template_properties.py"
HEADER = f"""# Properties of rendered templates

This page is for those who approve or change the templates of described systems. It lists what holds for every generated
template, and the test of each, so that you need not read the templates to know it.

A property is a function that holds for the templates of any [description](systems.md).
`test_every_property_holds_for_any_system` in [these tests](../{TESTS})
draws 120 descriptions and checks all properties on each. Each property has faults: changes of a good template that it
has to find, one by one (`test_a_property_fails_where_its_fault_is_planted`). The first three tables say which
properties show what a plan required; the last one has all of them. `python tests/docs/properties.py` writes this page.
"""


class Row(NamedTuple):
    """A requirement, and what shows it.

    Attributes:
        number: of the requirement.
        words: the requirement.
        shown_by: names of properties, or of tests as path::name.
    """

    number: str
    words: str
    shown_by: Sequence[str]


PACKAGE = "tests/unit/plugins/plugin_utils/package/test_package.py"
DEFAULTS = "tests/systems/mcp_gateway/test_defaults.py"
DESIGN = (
    Row("1", "Every task is one of Fargate with an address of its own", ["tasks_run_on_fargate"]),
    Row("2", "Every container writes to a log group that exists", ["logs_are_kept_for_a_time"]),
    Row("3", "A health check has command, interval, timeout, retries and start period", ["health_checks_are_complete"]),
    Row("4", "A target group has path, protocol and thresholds", ["target_groups_check_health"]),
    Row("5", "Access points act as the described user and group", ["access_points_belong_to_their_owner"]),
    Row("6", "Host names follow the pattern of the domain, with the region", ["records_have_the_host_names"]),
    Row("7", "No role names all resources where the ARN is known", ["no_role_has_every_resource"]),
    Row("8", "No parameter holds a secret", ["parameters_hold_no_secret", "secrets_stay_out_of_environment"]),
    Row("9", "Log groups keep their lines as described", ["logs_are_kept_as_described"]),
    Row(
        "10",
        "A task admits security groups of the description alone, and no range of addresses",
        ["security_groups_admit_calls_only", "open_ranges_are_those_of_listeners"],
    ),
    Row(
        "11",
        "Each default is that of the Terraform, or differs for a reason",
        [f"{DEFAULTS}::test_a_default_is_equal_or_differs_for_a_reason"],
    ),
)
OFFLINE = (
    Row(
        "a",
        "What a stack is given is what its template declares",
        ["outputs_taken_exist", "parameters_are_used", f"{PACKAGE}::test_any_package_keeps_the_contract_and_the_order"],
    ),
    Row("b", "Each import has one export", ["nothing_is_exported"]),
    Row(
        "c",
        "A value of a JSON secret names its key, and the role covers it",
        ["values_of_containers_are_whole_or_a_key", "execution_roles_read_own_secrets"],
    ),
    Row(
        "d",
        "The attached container port exists and is the intended one",
        ["services_name_containers_and_ports", "targets_reach_the_described_port"],
    ),
    Row("e", "Each declared call has exactly one rule", ["security_groups_admit_calls_only"]),
    Row(
        "f",
        "Names of Service Connect are unique, and no port is taken twice",
        ["names_of_service_connect_lead_to_ports"],
    ),
    Row("g", "A template has no default that another one could contradict", ["parameters_hold_no_secret"]),
    Row("h", "No parameter with NoEcho has a default", ["parameters_hold_no_secret"]),
)
LINTERS = (
    Row("i", "A service names a container and a port of its task", ["services_name_containers_and_ports"]),
    Row("j", "Service Connect names a port of the task", ["names_of_service_connect_lead_to_ports"]),
    Row("k", "Targets of awsvpc are addresses", ["targets_are_addresses"]),
    Row("l", "A mount has its volume, and a container waits for one that exists", ["containers_fit_together"]),
    Row("m", "Each rule of a listener has a priority of its own", ["priorities_are_unique"]),
    Row("n", "The least capacity is not above the most", ["capacities_are_in_order"]),
    Row("o", "Blue/green has its AdvancedConfiguration", ["traffic_shifts_between_two_groups"]),
)
TABLES: Mapping[str, Sequence[Row]] = {
    "The eleven properties of the MCP gateway": DESIGN,
    "Faults of the MCP gateway's first templates that no linter found": OFFLINE,
    "Other faults that linters do not find": LINTERS,
}


def page() -> str:
    """Return the page: a table for each group of requirements, and one of all properties."""
    tests = importlib.import_module("test_template_properties")
    faults = {name: len(plants) for name, plants in tests.ALL_FAULTS.items()}
    lines = [HEADER.rstrip("\n")]
    for title, rows in TABLES.items():
        lines += ["", f"## {title}", "", "| Number | What holds | Shown by |", "|---|---|---|"]
        lines += [f"| {row.number} | {row.words} | {', '.join(f'`{each}`' for each in row.shown_by)} |" for row in rows]
    lines += ["", "## All properties", "", "| Property | What holds | Faults |", "|---|---|---:|"]
    for name in sorted(tests.PROPERTIES):
        words = (tests.PROPERTIES[name].__doc__ or "").split("\n", maxsplit=1)[0].rstrip(".")
        lines.append(f"| `{name}` | {words} | {faults[name]} |")
    return "\n".join(lines) + "\n"


def unknown(known: set[str]) -> Iterator[str]:
    """Yield what the tables name and is neither a known property nor a test that exists."""
    for row in (row for rows in TABLES.values() for row in rows):
        for each in row.shown_by:
            path, _colons, test = each.partition("::")
            source = (ROOT / path).read_text(encoding="utf-8") if test else ""
            if each not in known and f"def {test}(" not in source:
                yield f"{row.number}: {each}"


def main() -> int:
    """Write the page, or with --check compare it."""
    sys.path[:0] = [str(ROOT / "tests" / "templates"), str(ROOT / Path(TESTS).parent)]
    text = page()
    if "--check" in sys.argv:
        return int(PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
