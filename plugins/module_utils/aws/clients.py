# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""boto3 clients whose calls end soon, and that can be made anew when the credentials were renewed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.parsers import ResponseParserError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import is_transient
from ansible_collections.gantry.ecs.plugins.module_utils.aws.open_clients import open_client

# A call that hangs must not hold up a timeout, nor a second look at the tasks; who calls knows when to repeat it.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
ONCE = {"connect_timeout": 5.0, "read_timeout": 10.0, "retries": {"total_max_attempts": 1}}
PATIENCE = 60.0  # seconds for which a patient client repeats a call
PAUSE_FIRST, PAUSE_GROWTH, PAUSE_LAST = 0.5, 2.0, 8.0  # seconds between two tries, half of it by chance
JSON_PROTOCOLS = ("json", "rest-json")


class AwsClients:
    """Makes clients with the module's credentials, region and endpoint.

    Args:
        module: an AnsibleAWSModule.
        interrupted: tells whether patience is over.
    """

    def __init__(self, module: Any, interrupted: Callable[[], bool] = lambda: False) -> None:
        self._module, self._interrupted = module, interrupted
        self._known: dict[tuple[str, str | None], Any] = {}

    def once(self, service: str, region: str | None = None) -> Any:
        """Return a client that tries a call once."""
        if (service, region) not in self._known:
            client = open_client(self._module, service, ONCE, region)
            client.meta.events.register("before-parse", refuse_garbled)
            self._known[service, region] = client
        return self._known[service, region]

    def patient(self, service: str) -> Any:
        """Return a client that repeats a call while the network, a limit or a fault of the service is in its way."""
        return PatientClient(self.once(service), self._interrupted)

    def renew(self) -> None:
        """Read the credentials anew with the next client: something may have renewed them in their file."""
        self._known.clear()


class PatientClient:
    """A client whose calls are repeated for a while where they may work in a moment; for calls that change nothing.

    Args:
        client: a boto3 client that tries each call once.
        interrupted: tells whether patience is over.
        clock: seconds, monotonic.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        client: Any,
        interrupted: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._interrupted, self._clock, self._sleep = client, interrupted, clock, sleep

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._patiently(found) if callable(found) else found

    def _patiently(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def patient_call(**request: Any) -> Any:
            until, pause = self._clock() + PATIENCE, PAUSE_FIRST
            while True:
                try:
                    return call(**request)
                except Exception as error:
                    if not is_transient(error) or self._interrupted() or self._clock() + pause > until:
                        raise
                self._sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * PAUSE_GROWTH, PAUSE_LAST)

        return patient_call


def refuse_garbled(operation_model: Any, response_dict: Mapping[str, Any], **more: Any) -> None:
    """Raise ResponseParserError for an answer that is no JSON but should be: botocore takes it for an empty one.

    Args:
        operation_model: botocore's model of the operation that was called.
        response_dict: the answer as it came, with ``status_code`` and ``body``.
        more: what botocore tells besides; it takes this for a handler of its event ``before-parse``.
    """
    body = response_dict["body"]
    is_json = operation_model.service_model.resolved_protocol in JSON_PROTOCOLS
    if not is_json or response_dict["status_code"] >= 300 or not body:
        return
    try:
        json.loads(body)
    except ValueError as error:
        raise ResponseParserError(f"the answer to {operation_model.name} is cut or garbled") from error
