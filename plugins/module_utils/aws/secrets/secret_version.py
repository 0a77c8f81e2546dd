# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New versions of secrets: a text, a generated value, or the password of a database that gets it, too."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.secrets.secret_value import (
    CURRENT,
    PENDING,
    generated,
    json_object,
    version_text,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

PASSWORD, PASSWORD_LENGTH = "password", 32
AVAILABLE = "available"
PAUSE = 3.0  # seconds between two looks at a cluster
# Looks in a row that find the change applied: its status follows the request with a delay.
STEADY_LOOKS = 2


class SecretVersions:
    """The versions of a secret.

    See https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version

    Args:
        client: returns a boto3 client of a service.
        arn: of the secret.
        hide: called with each value that is read or generated.
        pause: waits for a number of seconds; raises where the time is over.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        arn: str,
        hide: Callable[[str], None],
        pause: Callable[[float], None],
    ) -> None:
        self._client, self._arn, self._hide, self._pause = client, arn, hide, pause

    def put(self, text: str, stage: str = CURRENT) -> str:
        """Put a new version, and return its id; the version before keeps the label AWSPREVIOUS.

        Args:
            text: the whole secret.
            stage: staging label of the version.
        """
        self._hide(text)
        request = {"SecretId": self._arn, "SecretString": text, "VersionStages": [stage]}
        return str(self._manager.put_secret_value(**request, ClientRequestToken=str(uuid.uuid4()))["VersionId"])

    def renew(self, length: int, json_key: str = "") -> None:
        """Put a version with a generated value.

        Args:
            length: of the value, in characters.
            json_key: key of the JSON object that the secret is, whose other members stay; empty for its whole text.
        """
        value = generated(length)
        self._hide(value)
        self.put(self._with_member(json_key, value) if json_key else value)

    def renew_password(self, cluster: str) -> None:
        """Give a database another password, first kept as a pending version.

        A call that was killed is completed by the next one, which takes the pending version up. The cluster has the new
        password for one request before the secret has it.

        Args:
            cluster: identifier of the database's cluster.

        Raises:
            ProblemError: the secret is no JSON object.
        """
        pending = self._version(PENDING)
        if not pending or pending == self._version(CURRENT):
            pending = self.put(self._with_member(PASSWORD, generated(PASSWORD_LENGTH)), PENDING)
        members = json_object(version_text(self._manager, self._arn, PENDING) or "") or {}
        self._hide(str(members[PASSWORD]))
        rds = self._client("rds")
        # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html
        rds.modify_db_cluster(
            DBClusterIdentifier=cluster, MasterUserPassword=str(members[PASSWORD]), ApplyImmediately=True
        )
        looks = 0
        while looks < STEADY_LOOKS:
            self._pause(PAUSE)
            looks = looks + 1 if _is_applied(rds, cluster) else 0
        self._promote(pending)

    @property
    def _manager(self) -> Any:
        return self._client("secretsmanager")

    def _promote(self, version: str) -> None:
        current = self._version(CURRENT)
        request = {"SecretId": self._arn}
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
        self._manager.update_secret_version_stage(
            **request, VersionStage=CURRENT, MoveToVersionId=version, RemoveFromVersionId=current
        )
        if self._version(PENDING) == version:
            self._manager.update_secret_version_stage(**request, VersionStage=PENDING, RemoveFromVersionId=version)

    def _version(self, stage: str) -> str:
        """Return the id of the version with a staging label; empty where none has it."""
        versions: Mapping[str, list[str]] = self._manager.describe_secret(SecretId=self._arn)["VersionIdsToStages"]
        return next((each for each, stages in versions.items() if stage in stages), "")

    def _with_member(self, key: str, value: str) -> str:
        """Return the secret's JSON object with another value of a key."""
        text = version_text(self._manager, self._arn)
        members = {} if text is None else json_object(text)
        if members is None:
            what = f"secret {self._arn} is no JSON object, in which the key {key} could have a value"
            raise ProblemError(Problem("no_key", what, "put one by hand, or remove json_key from the description"))
        return json.dumps({**members, key: value})


def _is_applied(rds: Any, cluster: str) -> bool:
    [found] = rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"]
    return found["Status"] == AVAILABLE and "MasterUserPassword" not in (found.get("PendingModifiedValues") or {})
