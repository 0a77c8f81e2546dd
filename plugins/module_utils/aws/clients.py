# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""boto3 clients with a module's credentials, for modules that follow something, look once, or make a few calls."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from boto3.session import Session
    from botocore.config import Config
    from botocore.exceptions import NoCredentialsError
    from botocore.parsers import ResponseParserError

from ansible.module_utils.ansible_release import __version__
from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.gantry.ecs.plugins.module_utils.aws.credentials import (
    check_settings,
    raised_as_credentials_error,
    source_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import is_transient

USER_AGENT = f"Ansible/{__version__} gantry.ecs"
# A hanging call must not delay a timeout or the next look at the tasks; the caller decides when to repeat it.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
ONCE = {"connect_timeout": 5.0, "read_timeout": 10.0, "retries": {"total_max_attempts": 1}}
PATIENCE = 60.0  # seconds for which a patient client repeats a call
PAUSE_FIRST, PAUSE_GROWTH, PAUSE_LAST = 0.5, 2.0, 8.0  # seconds between two tries, half of it by chance
JSON_PROTOCOLS = ("json", "rest-json")
# A preflight does not wait: after a few attempts it reports the calls without a response.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
SHORT = {"connect_timeout": 5.0, "read_timeout": 15.0, "retries": {"mode": "standard", "total_max_attempts": 3}}
# The SDK itself repeats what may work in a moment: https://docs.aws.amazon.com/boto3/latest/guide/retries.html
REPEATING = {"connect_timeout": 5.0, "read_timeout": 20.0, "retries": {"mode": "standard", "total_max_attempts": 8}}


class AwsSession:
    """A module's session with the SDK; its clients share the credentials, and AWS's list of endpoints is read once.

    AnsibleAWSModule's own clients each have a session, end the module where the profile is unknown, and let through
    what Python raises for credentials.

    Args:
        module: an AnsibleAWSModule.
    """

    def __init__(self, module: Any) -> None:
        self._module, self._source = module, source_of(module.params)
        self._session: Any = None

    def client(self, service: str, config: Mapping[str, Any], region: str | None = None) -> Any:
        """Make a client with the module's credentials, region and endpoint.

        Args:
            service: such as "ec2".
            config: settings of botocore's client.
            region: another than the module's.

        Raises:
            CredentialsError: there are no credentials; so do the client's calls.
        """
        check_settings(self._module.params)
        with raised_as_credentials_error(self._source):
            own_region, endpoint, settings = get_aws_connection_info(self._module)
            profile, given = settings.pop("profile_name", None), settings.pop("aws_config", None)
            self._session = self._session or Session(profile_name=profile)
            client = self._session.client(
                service,
                region_name=region or own_region,
                endpoint_url=endpoint,
                config=Config(user_agent_extra=USER_AGENT).merge(given or Config()).merge(Config(**config)),
                **settings,
            )

        def fetch(**_event: Any) -> None:
            fetch_credentials(client, self._source)

        # The SDK fetches some credentials, such as a role's, with the first call only, and renews them later:
        # before it builds a request, which may need the account's id, and before it signs one.
        for event in ("before-parameter-build", f"request-created.{service}"):
            client.meta.events.register_first(event, fetch)
        return client


def fetch_credentials(client: Any, source: str) -> None:
    """Fetch a client's credentials, where it has none that are valid.

    Args:
        client: a boto3 client.
        source: where they come from, for the error.

    Raises:
        CredentialsError: there are none.
    """
    with raised_as_credentials_error(source):
        found = client._get_credentials()
        if found is None:
            raise NoCredentialsError()
        found.get_frozen_credentials()


class AwsClients:
    """Makes clients with the module's credentials, region and endpoint.

    Args:
        module: an AnsibleAWSModule.
        interrupted: returns whether patience is over.
        connections: how many threads call one client at the same time.
    """

    def __init__(self, module: Any, interrupted: Callable[[], bool] = lambda: False, connections: int = 10) -> None:
        self._module, self._interrupted = module, interrupted
        self._session = AwsSession(module)
        self._config = {**ONCE, "max_pool_connections": connections}
        self._known: dict[tuple[str, str | None], Any] = {}
        # Clients are thread-safe, the making of them is not: https://docs.aws.amazon.com/boto3/latest/guide/clients.html
        self._making = Lock()

    def once(self, service: str, region: str | None = None) -> Any:
        """Return a client that tries a call once."""
        with self._making:
            if (service, region) not in self._known:
                client = self._session.client(service, self._config, region)
                client.meta.events.register("before-parse", refuse_garbled)
                self._known[service, region] = client
            return self._known[service, region]

    def patient(self, service: str) -> Any:
        """Return a client that repeats a call while the network, a limit or a fault of the service is in its way."""
        return PatientClient(self.once(service), self._interrupted)

    def renew(self) -> None:
        """Read the credentials anew with the next client: something may have renewed them in their file."""
        with self._making:
            self._session = AwsSession(self._module)
            self._known.clear()


class PatientClient:
    """A client whose calls are repeated for a while where they may work in a moment; for calls that change nothing.

    Args:
        client: a boto3 client that tries each call once.
        interrupted: returns whether patience is over.
        clock: seconds, monotonic.
        sleep: waits for a number of seconds.
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
    """Raise ResponseParserError for a response that should be JSON and is not: botocore treats it as empty.

    Args:
        operation_model: botocore's model of the operation that was called.
        response_dict: the raw response, with ``status_code`` and ``body``.
        more: botocore's other arguments; it calls this as a handler of its event ``before-parse``.
    """
    body = response_dict["body"]
    is_json = operation_model.service_model.resolved_protocol in JSON_PROTOCOLS
    if not is_json or response_dict["status_code"] >= 300 or not body:
        return
    try:
        json.loads(body)
    except ValueError as error:
        raise ResponseParserError(f"the answer to {operation_model.name} is cut or garbled") from error


class OpenClients:
    """Makes clients that do not wait long, one of each service and region.

    Args:
        module: an AnsibleAWSModule.
    """

    def __init__(self, module: Any) -> None:
        self._session = AwsSession(module)
        self._known: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = "") -> Any:
        """Return a client.

        Args:
            service: such as "ec2".
            region: another than the module's.

        Raises:
            CredentialsError: there are no credentials, or no profile of this name.
        """
        if (service, region) not in self._known:
            self._known[service, region] = self._session.client(service, SHORT, region)
        return self._known[service, region]


def module_clients(module: Any) -> Callable[[str], Any]:
    """Return what makes a client of a service with the module's credentials, region and endpoint, one a service.

    Args:
        module: an AnsibleAWSModule.
    """
    session = AwsSession(module)

    @cache
    def client(service: str) -> Any:
        return session.client(service, REPEATING)

    return client


def region_and_endpoint(module: Any) -> str:
    """Return the region and, where one is set, the endpoint that a module calls, as text for messages.

    Args:
        module: an AnsibleAWSModule.
    """
    endpoint = module.params.get("endpoint_url")
    return f"region {module.region}" + (f", endpoint {endpoint}" if endpoint else "")
