# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS::Budgets::Budget: kept and shown; nothing is spent here, so no budget ever notifies anyone.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-budgets-budget.html
"""

from __future__ import annotations

from typing import Any

from ministack.core import responses

from embedded_aws.extension.api import call
from embedded_aws.extension.api_shapes import request_shape, to_request
from embedded_aws.extension.resources import kind
from embedded_aws.extension.resources.kind import Kind, Made, Properties


def create_request(properties: Properties, default_name: str, account: str) -> dict[str, Any]:
    """Return the request of CreateBudget that a template's properties mean.

    Raises:
        PropertyError: a property is unknown, of another type, or missing.
    """
    budget = properties.get("Budget")
    named = {"BudgetName": default_name, **budget} if isinstance(budget, dict) else budget
    shape = request_shape("budgets", "CreateBudget")
    request: dict[str, Any] = to_request(shape, {"AccountId": account, **properties, "Budget": named})
    return request


def _create(properties: Properties, default_name: str) -> Made:
    request = create_request(properties, default_name, responses.get_account_id())
    call("budgets", "CreateBudget", **request)
    return request["Budget"]["BudgetName"], {}


def _update(name: str, _old: Properties, new: Properties) -> Made:
    budget = create_request(new, name, responses.get_account_id())["Budget"]
    call("budgets", "UpdateBudget", AccountId=responses.get_account_id(), NewBudget={**budget, "BudgetName": name})
    return name, {}


def _delete(name: str, _properties: Properties) -> None:
    call("budgets", "DeleteBudget", AccountId=responses.get_account_id(), BudgetName=name)


KINDS = {"AWS::Budgets::Budget": Kind(_create, _delete, _update, ("NotificationsWithSubscribers", "ResourceTags"))}


def install() -> None:
    """Let templates have budgets."""
    kind.install(KINDS)
