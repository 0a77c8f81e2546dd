# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user of the MCP gateway does in a browser, and what its pages request."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from gateway_client import GatewayClient
from hostile_pages import chromium
from waiting import waited


def shown(browser: Any, expression: str) -> Any:
    """Return the value of an expression in the page, once it is true; pages change meanwhile."""

    def attempt() -> Any:
        with suppress(chromium().BrowserError):
            return browser.evaluate(expression)

    return waited(attempt)


def click(browser: Any, id: str) -> None:
    shown(browser, f"document.readyState == 'complete' && !!document.getElementById('{id}')")
    browser.evaluate(f"document.getElementById('{id}').click()")


def sign_in(browser: Any, gateway: GatewayClient, name: str, password: str) -> None:
    """Fill the form of Keycloak and send it."""
    shown(browser, f"location.origin == '{gateway.keycloak_url}' && !!document.getElementById('kc-login')")
    for field, value in (("username", name), ("password", password)):
        browser.evaluate(f"document.getElementById('{field}').value = {json.dumps(value)}")
    click(browser, "kc-login")


def log_in(browser: Any, gateway: GatewayClient, name: str, password: str) -> None:
    browser.call("Network.clearBrowserCookies")
    browser.call("Page.navigate", url=f"{gateway.registry_url}/")
    click(browser, "login")
    sign_in(browser, gateway, name, password)


def log_out(browser: Any, gateway: GatewayClient) -> None:
    click(browser, "logout")
    shown(browser, f"location.href == '{gateway.registry_url}/' && !!document.getElementById('login')")


def fetched(browser: Any, path: str, message: Any = None) -> Any:
    """Return status and text of a request that the page sends with the cookies of its user."""
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    options = {"method": "POST", "headers": headers, "body": json.dumps(message)} if message else {}
    text = f"fetch({json.dumps(path)}, {json.dumps(options)}).then(async found => [found.status, await found.text()])"
    return browser.evaluate(text)
