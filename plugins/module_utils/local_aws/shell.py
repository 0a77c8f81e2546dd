# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell that may call the embedded AWS: ``eval "$(python -m …module_utils.local_aws.shell DIRECTORY)"``."""

from __future__ import annotations

import argparse
import configparser
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import private_files
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.folder import PROFILE
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import (
    LOOPBACK,
    Settings,
    emulator_answers,
    port_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

CONFIG = Path(__file__).resolve().parents[3] / "files" / "local-aws" / "config"
# Each outranks the profile or leads elsewhere: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
UNSET = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
)
SERVICE_ENDPOINT = "AWS_ENDPOINT_URL_"


class NotRunningError(ProblemError):
    """No embedded AWS runs in the folder."""


def shell_lines(credentials: Path, endpoint_url: str, environ: Mapping[str, str]) -> list[str]:
    """Return the lines that a POSIX shell evaluates; the secret is in none of them, only the path of its file.

    Args:
        credentials: the credentials file of what runs.
        endpoint_url: its endpoint.
        environ: the shell's environment.
    """
    config = configparser.RawConfigParser()
    config.read_string(CONFIG.read_text(encoding="utf-8"))
    region = config[f"profile {PROFILE}"]["region"]
    exported = {
        "AWS_CONFIG_FILE": str(CONFIG),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_PROFILE": PROFILE,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "NO_PROXY": no_proxy(environ),
        "no_proxy": no_proxy(environ),
    }
    unset = [*UNSET, *sorted(name for name in environ if name.startswith(SERVICE_ENDPOINT) and name.isidentifier())]
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exported.items()]
    return [f"unset {' '.join(unset)}", *lines]


def no_proxy(environ: Mapping[str, str]) -> str:
    """Return where no proxy leads to: where the operator says, and this machine's loopback."""
    known = [name.strip() for variable in ("NO_PROXY", "no_proxy") for name in environ.get(variable, "").split(",")]
    return ",".join(dict.fromkeys(filter(None, [*known, LOOPBACK, "localhost"])))


def running_lines(directory: Path, environ: Mapping[str, str]) -> list[str]:
    """Return the lines for what runs in a folder.

    Raises:
        NotRunningError: nothing runs there, or it does not answer.
        ForeignFileError: the folder is another user's.
    """
    private_files.check_folder(directory)
    settings = Settings(0, directory, "", Path(), "warning")
    settings = Settings(port_of(settings), directory, "", Path(), "warning")
    if settings.emulator.running_pid() is None or not emulator_answers(settings):
        raise NotRunningError(
            Problem("not_running", f"the embedded AWS of {directory} does not run", "start it: make demo")
        )
    return shell_lines(settings.folder.credentials, settings.endpoint_url, environ)


def main() -> None:
    """Print the lines; where there is nothing to call, print one line to standard error and nothing else."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("directory", type=Path, help="local_aws_directory of the embedded AWS")
    try:
        lines = running_lines(parser.parse_args().directory.absolute(), os.environ)
    except (NotRunningError, OSError) as error:
        raise SystemExit(str(error)) from error
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
