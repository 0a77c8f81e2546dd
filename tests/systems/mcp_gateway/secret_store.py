# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets Manager in memory, for tests of the job realm."""

from __future__ import annotations

import json


class SecretStore:
    """Secrets Manager as the job realm calls it: it keeps what is written."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.writes = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        return {"SecretString": self.values.get(SecretId, "placeholder")}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> dict[str, str]:
        self.values[SecretId] = SecretString
        self.writes += 1
        return {"ARN": SecretId}

    def of(self, client: str) -> str:
        """Return the secret of a client."""
        return str(json.loads(self.values[client])["client_secret"])
