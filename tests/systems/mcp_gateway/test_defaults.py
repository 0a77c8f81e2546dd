# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each default of the original's Terraform is ours, too, or differs for a reason."""

from __future__ import annotations

from collections import Counter

import pytest
from baseline import MISSING, Row, rows, table

# The variables of terraform/aws-ecs/variables.tf of the commit that the table names.
ROOT_VARIABLES = """
    name aws_region vpc_cidr ingress_cidr_blocks enable_monitoring alarm_email use_regional_domains base_domain
    keycloak_domain root_domain keycloak_admin keycloak_admin_password keycloak_database_username
    keycloak_database_password keycloak_database_min_acu keycloak_database_max_acu keycloak_log_level
    registry_image_uri auth_server_image_uri currenttime_image_uri mcpgw_image_uri realserverfaketools_image_uri
    flight_booking_agent_image_uri travel_assistant_agent_image_uri currenttime_replicas mcpgw_replicas
    realserverfaketools_replicas flight_booking_agent_replicas travel_assistant_agent_replicas
"""
# Those of terraform/aws-ecs/modules/mcp-gateway/variables.tf that have a default which the root does not replace.
MODULE_VARIABLES = """
    registry_image_uri dockerhub_org cpu memory registry_replicas auth_replicas alb_scheme certificate_arn
    keycloak_domain domain_name route53_zone_id create_route53_record task_execution_role_arn enable_autoscaling
    autoscaling_min_capacity autoscaling_max_capacity autoscaling_target_cpu autoscaling_target_memory
    efs_throughput_mode efs_provisioned_throughput additional_tags
"""
BASELINE = "bc99903c9e0a111d347ba874cf7e9d97ac388c24"
ROWS = list(rows())


def test_every_variable_of_the_baseline_is_in_the_table_once() -> None:
    names = Counter((row.group, row.name) for row in ROWS)
    assert set(names.values()) == {1}
    assert len(ROOT_VARIABLES.split()) == 29
    assert {name for group, name in names if group == "root"} == set(ROOT_VARIABLES.split())
    assert {name for group, name in names if group == "module"} == set(MODULE_VARIABLES.split())
    assert table()["baseline"]["commit"] == BASELINE


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.group}-{row.name}" for row in ROWS])
def test_a_default_is_equal_or_differs_for_a_reason(row: Row) -> None:
    """What is compared is the value itself: a row that is equal has no reason, one that differs has one."""
    assert row.is_equal != bool(row.reason or row.difference), (row.default, row.ours)
    assert not (row.reason and row.difference)


def test_ours_is_where_the_table_says() -> None:
    """Only what Terraform leaves empty may be missing here."""
    absent = {row.name for row in ROWS if row.path and row.ours is MISSING}
    assert absent == {"certificate_arn", "target of the memory of an MCP server", "namespace"}


def test_exactly_nine_differences_are_deliberate() -> None:
    assert list(table()["differences"]) == list(range(1, 10))
    assert {row.difference for row in ROWS} - {0} <= set(table()["differences"])
    assert all(set(each) == {"original", "ours", "shown_by"} for each in table()["differences"].values())


def test_no_secret_has_a_default() -> None:
    """What Terraform requires without a default is generated here, so that no file has it."""
    required = {each["name"]: each for group in ("root", "module") for each in table()[group] if "required" in each}
    assert required.keys() == {"keycloak_admin_password", "keycloak_database_password"}
    assert all(each["difference"] == 4 and "default" not in each for each in required.values())
