# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for what a workflow finds on GitHub: a repository, its actions, and the programs of a runner's machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from emulator_env import ROOT
from workflow_run import JobRun

GIT = ("git", "-c", "user.name=Tests", "-c", "user.email=tests@example.invalid", "-c", "init.defaultBranch=main")
PROGRAMS = Path(__file__).parent / "runner_programs"


def git(directory: Path, *words: str) -> str:
    """Run git in a directory; return its output."""
    done = subprocess.run([*GIT, *words], cwd=directory, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Repository:
    """A team's repository: a copy of this checkout, with the workflows where GitHub reads them.

    Args:
        directory: where it is made.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
        for name in filter(None, listed):
            source, target = ROOT / name, directory / name
            if source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        for workflow in (directory / "systems" / "oneshot" / "ci").glob("*.yml"):
            shutil.copy(workflow, directory / ".github" / "workflows")
        git(directory, "init", "--quiet")

    def commit(self, message: str, files: Mapping[str, str] | None = None) -> str:
        """Write files and commit everything; return the commit's id."""
        for name, text in (files or {}).items():
            (self.directory / name).write_text(text)
        git(self.directory, "add", "--all")
        git(self.directory, "commit", "--quiet", "--allow-empty", "--message", message)
        return git(self.directory, "rev-parse", "HEAD")

    def checkout(self, run: JobRun, given: Mapping[str, str]) -> None:
        """Stand in for actions/checkout: a clone of the repository at the commit."""
        assert given.keys() <= {"persist-credentials", "path", "ref"}, given
        directory = run.directory / given.get("path", ".")
        subprocess.run(["git", "clone", "--quiet", "--shared", str(self.directory), str(directory)], check=True)
        git(directory, "checkout", "--quiet", given.get("ref") or run.contexts["github"]["sha"])


def setup_python(run: JobRun, given: Mapping[str, str]) -> None:
    """Stand in for actions/setup-python: each checkout finds the programs of these tests in `.venv`, as installed."""
    assert given.keys() == {"python-version"}, given
    for configuration in run.directory.rglob("ansible.cfg"):
        if configuration.parent.name in (run.directory.name, "before", "after"):
            environment = configuration.parent / ".venv"
            environment.mkdir()
            for name in ("bin", "lib", "pyvenv.cfg"):
                (environment / name).symlink_to(Path(sys.prefix) / name)
            # Later than the lists of packages, so that make has nothing to install.
            (environment / ".local").touch()


def credentials(access: Callable[[str, str], Mapping[str, str]]) -> Callable[[JobRun, Mapping[str, str]], None]:
    """Return the stand-in for aws-actions/configure-aws-credentials.

    Args:
        access: returns environment variables by the ARN of a role and the job's environment; it refuses a role that
            does not trust that environment.
    """

    def configure(run: JobRun, given: Mapping[str, str]) -> None:
        assert given.keys() == {"role-to-assume", "aws-region"}, given
        # GitHub gives a token to a job with this permission; the token names its environment.
        assert run.definition["permissions"]["id-token"] == "write"
        region = given["aws-region"]
        run.variables |= {
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **access(given["role-to-assume"], run.contexts["environment"]),
        }

    return configure
