# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application of the tests of IAM: MiniStack behind the guard, which also accepts keys of MiniStack's IAM.

MiniStack authorizes ExecuteStatement as an action of that name, which IAM does not have: here each statement needs the
action of its kind. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
"""

from __future__ import annotations

import json
import os
import re

from embedded_aws.guard.guard import Guard
from embedded_aws.guard.guarded import Guarded
from embedded_aws.guard.keys import Keys
from ministack import app as ministack
from ministack.core import iam_actions
from ministack.services import iam, sts

# Where a request has its statements; ExecuteStatement is one itself.
STATEMENTS = {"ExecuteStatement": "", "BatchExecuteStatement": "Statements", "ExecuteTransaction": "TransactStatements"}
# The kind of a statement, and its table.
STATEMENT = re.compile(r'(SELECT|INSERT|UPDATE|DELETE)\b[^"]*"([^"]+)"')
checks_of_transaction = iam_actions.dynamodb_transaction_checks


class IssuedKeys(Keys):
    """The key of the account's owner, and those of the users and sessions that the owner created."""

    def is_access_key(self, given: str) -> bool:
        """Return whether an access key id exists; IAM authorizes its calls."""
        return super().is_access_key(given) or given in iam._access_keys or given in sts._sessions


def checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
    """Return the actions, each with its resource, that a transaction or a request with statements needs."""
    operation = action.removeprefix("dynamodb:")
    if operation not in STATEMENTS:
        found: list[tuple[str, str]] = checks_of_transaction(action, body, region, account)
        return found
    document = json.loads(body)
    needed = []
    for statement in document.get(STATEMENTS[operation], [document]):
        read = STATEMENT.match(statement["Statement"])
        kind, table = read.groups() if read else ("", "*")
        arn = f"arn:aws:dynamodb:{region}:{account}:table/{table}"
        needed.append((f"dynamodb:PartiQL{kind.capitalize()}", arn))
    return needed


iam_actions.dynamodb_transaction_checks = checks
HOST = f"127.0.0.1:{os.environ['GATEWAY_PORT']}"
application = Guarded(Guard(IssuedKeys(os.environ["AWS_ACCESS_KEY_ID"]), frozenset({HOST})), ministack.app)
