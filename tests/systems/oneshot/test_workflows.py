# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows of the system oneshot: pinned actions, least permissions, one image by its digest, dev before prod."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CI = ROOT / "systems" / "oneshot" / "ci"
MAIN, ENVIRONMENT = (yaml.safe_load((CI / f"{name}.yml").read_text()) for name in ("oneshot", "oneshot-environment"))
# What runs code of others: packages, builds.
INSTALLS = re.compile(r"\b(pip|npm|make|docker build)\b")


def texts() -> str:
    return "".join(path.read_text() for path in sorted(CI.glob("*.yml")))


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [*MAIN["jobs"].items(), *ENVIRONMENT["jobs"].items()]


def test_actions_are_pinned_by_commit_as_in_the_collection() -> None:
    """Every action is named by commit and version; one that the collection uses too, by the same commit."""
    used = set(re.findall(r"uses: (\S+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", texts(), re.MULTILINE))
    local = set(re.findall(r"uses: (\./\S+)$", texts(), re.MULTILINE))
    assert len(re.findall(r"uses:", texts())) == len(re.findall(r"uses: (?:\./|\S+@[0-9a-f]{40} # v)", texts()))
    assert local == {"./.github/workflows/oneshot-environment.yml"}
    own = "".join(path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    pins = {name: (commit, version) for name, commit, version in re.findall(r"uses: (\S+)@(\S+) # (\S+)$", own, re.M)}
    shared = {name: (commit, version) for name, commit, version in used if name in pins}
    assert len(shared) == 2
    assert shared == {name: pins[name] for name in shared}
    assert {name for name, _commit, _version in used} - shared.keys() == {"aws-actions/configure-aws-credentials"}


def test_jobs_have_the_permissions_that_they_need() -> None:
    assert MAIN["permissions"] == ENVIRONMENT["permissions"] == {}
    for name, job in jobs():
        writing = {right for right, level in job["permissions"].items() if level != "read"}
        assert writing == ({"id-token"} if name not in {"validate", "render"} else set()), name


def test_no_key_is_stored_in_the_repository() -> None:
    """The role comes by OIDC, so that no workflow reads a secret; a role's name and a region are no secrets."""
    assert "secrets" not in texts()
    assert not re.search(r"aws-(access|secret)", texts())
    for name, job in jobs():
        logged_in = [step for step in job.get("steps", []) if "configure-aws-credentials" in step.get("uses", "")]
        assert all(step["with"]["role-to-assume"] == "${{ vars.DEPLOY_ROLE_ARN }}" for step in logged_in)
        # The trust of the role names the environment, so that a job without one would be refused.
        assert not logged_in or job["environment"], name


def test_code_of_others_runs_before_the_credentials() -> None:
    for name, job in jobs():
        steps = job.get("steps", [])
        login = next((at for at, step in enumerate(steps) if "configure-aws" in step.get("uses", "")), len(steps))
        late = [step for step in steps[login:] if INSTALLS.search(step.get("run", ""))]
        assert late == [], name


def test_a_pull_request_renders_and_deploys_nothing() -> None:
    render = MAIN["jobs"]["render"]
    assert render["if"] == "github.event_name == 'pull_request'"
    assert render["permissions"] == {"contents": "read"}
    assert MAIN["jobs"]["build"]["if"] == "github.event_name != 'pull_request'"
    assert "pull_request_target" not in texts()


def test_each_environment_waits_for_the_one_before() -> None:
    found = MAIN["jobs"]
    assert found["build"]["needs"] == "validate"
    order = {"dev": ["build"], "staging": ["build", "dev"], "prod": ["build", "staging"]}
    for name, needs in order.items():
        job = found[name]
        assert (job["needs"] if isinstance(job["needs"], list) else [job["needs"]]) == needs
        assert job["with"] == {"environment": name, "digest": "${{ needs.build.outputs.digest }}"}
        # A skipped or failed environment skips the later ones: no job has a condition of its own.
        assert "if" not in job
    assert sorted(order) == sorted(path.name for path in (ROOT / "inventories").iterdir() if path.name != "local")


def test_the_image_is_deployed_verified_and_used_in_this_order() -> None:
    (job,) = ENVIRONMENT["jobs"].values()
    assert job["env"]["IMAGE"] == "${{ vars.IMAGE_REPOSITORY }}@${{ inputs.digest }}"
    deploy, verify, smoke = [step["run"] for step in job["steps"][-3:]]
    assert "deploy.yml -e system=oneshot" in deploy
    assert "verify_rollout.py" in verify
    assert "run-job.yml -e system=oneshot" in smoke
    assert '"$IMAGE"' in deploy
    assert '"$IMAGE"' in verify
    assert "continue-on-error" not in texts()
    assert job["concurrency"] == {"group": "oneshot-${{ inputs.environment }}", "cancel-in-progress": False}


def test_a_failure_in_a_pipe_fails_its_step() -> None:
    """GitHub's default shell has no pipefail; one that is named has it."""
    assert MAIN["defaults"] == ENVIRONMENT["defaults"] == {"run": {"shell": "bash"}}


def test_no_expression_is_inside_a_script() -> None:
    """A script gets values as variables, so that none of them is read as code."""
    for name, job in jobs():
        assert not [step for step in job.get("steps", []) if "${{" in step.get("run", "")], name


def test_files_that_the_workflows_name_exist() -> None:
    named = set(re.findall(r"systems/oneshot/[\w./-]+", texts()))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


FAKE_PLAYBOOK = """#!/bin/sh
for word in "$@"; do
    case $word in render_directory=*) directory=${word#*=} ;; env=*) env=${word#*=} ;; esac
done
sed "s/ENV/$env/" playbooks/render.yml >"$directory/ui.yaml"
"""


@pytest.fixture
def checkouts(tmp_path: Path) -> Path:
    """Two checkouts whose renderer prints its own playbook, and whose environments need no installation."""
    for side in ("before", "after"):
        root = tmp_path / side
        (root / "playbooks").mkdir(parents=True)
        (root / "systems" / "oneshot").mkdir(parents=True)
        (root / "systems" / "oneshot" / "system.yml").touch()
        (root / "playbooks" / "render.yml").write_text("name: ENV\ncount: 1\n")
        (root / ".venv" / "bin").mkdir(parents=True)
        (root / ".venv" / ".local").touch()
        program = root / ".venv" / "bin" / "ansible-playbook"
        program.write_text(FAKE_PLAYBOOK)
        program.chmod(0o755)
        (root / "Makefile").write_text("")
    return tmp_path


def rendered(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CI / "render_diff.sh", *words],
        cwd=cwd,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_render_diff_shows_what_changes(checkouts: Path) -> None:
    (checkouts / "after" / "playbooks" / "render.yml").write_text("name: ENV\ncount: 2\n")
    done = rendered("before", "after", "prod", cwd=checkouts)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("### What changes in prod\n~~~~~~diff\n")
    assert "\n-count: 1\n+count: 2\n" in done.stdout
    assert " name: prod\n" in done.stdout


def test_render_diff_says_that_nothing_changes(checkouts: Path) -> None:
    done = rendered("before", "after", "dev", cwd=checkouts)
    assert (done.returncode, done.stdout) == (0, "### What changes in dev\nNothing.\n")


def test_render_diff_shows_all_of_a_new_system(checkouts: Path) -> None:
    (checkouts / "before" / "systems" / "oneshot" / "system.yml").unlink()
    done = rendered("before", "after", "dev", cwd=checkouts)
    assert done.returncode == 0, done.stderr
    assert "+name: dev\n" in done.stdout


def test_render_diff_fails_where_rendering_does(checkouts: Path) -> None:
    (checkouts / "after" / ".venv" / "bin" / "ansible-playbook").write_text("#!/bin/sh\nexit 2\n")
    assert rendered("before", "after", "dev", cwd=checkouts).returncode == 2
    assert rendered("before", cwd=checkouts).returncode == 2
