# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of the jobs over HTTP, and how a job waits for a service."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

SECONDS = 30.0  # for a response
STEP_SECONDS = 1.0  # between two attempts


class JobError(Exception):
    """A job cannot do its work; the text says why and what to do."""


class RequestError(JobError):
    """A request has failed.

    Attributes:
        status: of the response; 0 where there is none.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: it would carry a password or a token to another host."""

    def redirect_request(self, *_arguments: Any) -> None:
        """Follow none."""


# No proxy: the services are in the network of the job.
OPENER = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def send(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
    """Send a request and return the JSON of its response; None for an empty one.

    Raises:
        RequestError: the response is an error, or there is none.
    """
    if not url.startswith(("http://", "https://")):
        raise RequestError(f"{url} is not a URL of HTTP")
    request = urllib.request.Request(url, body, dict(headers), method=method)
    try:
        with OPENER.open(request, timeout=SECONDS) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        detail = error.read(500).decode(errors="replace")
        raise RequestError(f"{method} {url} is a {error.code}: {detail}", error.code) from None
    except (OSError, http.client.HTTPException) as error:
        raise RequestError(f"{method} {url} has no response: {error}") from None
    try:
        return json.loads(text) if text else None
    except ValueError:
        raise RequestError(f"{method} {url} has a response that is not JSON") from None


def wait(attempt: Callable[[], str], seconds: float) -> None:
    """Wait until an attempt finds no reason to wait.

    Args:
        attempt: returns the reason to wait; empty for none.
        seconds: to wait at most.

    Raises:
        JobError: the time is over; it has the last reason.
    """
    deadline = time.monotonic() + seconds
    while reason := attempt():
        if time.monotonic() >= deadline:
            raise JobError(f"{reason}, after {seconds:g} s -> look into the log of that service")
        time.sleep(min(STEP_SECONDS, max(0.0, deadline - time.monotonic())))


def setting(environment: Mapping[str, str], name: str) -> str:
    """Return the value of a variable.

    Raises:
        JobError: it is missing or empty.
    """
    if not (value := environment.get(name, "")):
        raise JobError(f"{name} is not set -> set it in the environment of the job")
    return value


def seconds_of(environment: Mapping[str, str], default: float) -> float:
    """Return how long a job waits for its services: WAIT_SECONDS, or a default.

    Raises:
        JobError: it is not a number.
    """
    text = environment.get("WAIT_SECONDS") or str(default)
    try:
        return float(text)
    except ValueError:
        raise JobError(f"WAIT_SECONDS is {text!r} -> write a number") from None
