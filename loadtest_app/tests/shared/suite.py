# SPDX-License-Identifier: Apache-2.0
"""Shared by the tests of the load tester and of the collection: hypothesis profiles and the integration marker."""

import ast
import functools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Modules and test helpers that start a process or a server. Files that import one are integration tests.
STARTERS = frozenset(
    {
        "browser",
        "collector",
        "command",
        "credential_service",
        "database_server",
        "dynamodb_stub",
        "emulators",
        "gateway_stand_ins",
        "http.server",
        "keycloak_server",
        "ports",
        "server",
        "socket",
        "socketserver",
        "subprocess",
        "threaded_application",
        "truth",
    }
)
# Fixtures that start one.
STARTED_FIXTURES = frozenset({"extended", "plain"})
QUICK_EXAMPLES = 10  # of hypothesis, where a test does not set its own number


def load_profiles() -> None:
    """Register and load the profiles: ``untimed`` for all tests, ``quick`` for `make check`.

    An example's duration depends on the machine's load, so no deadline applies.
    """
    settings.register_profile(
        "untimed",
        settings.get_profile(settings.get_current_profile_name()),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("untimed")
    settings.register_profile("quick", settings.get_profile("untimed"), max_examples=QUICK_EXAMPLES)


@functools.cache
def starts_a_process(file: Path) -> bool:
    """Whether a test file imports a helper that starts a process or a server."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {node.module, node.module.rpartition(".")[2]}
    return not imported.isdisjoint(STARTERS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark integration tests, which `make check` leaves to `make test`."""
    for item in items:
        if starts_a_process(item.path) or not STARTED_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("integration")
