# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bucket that runs upload their results to."""

from __future__ import annotations

import json
from pathlib import Path

from emulator_env import EmulatorEnv

BUCKET, PREFIX = "ci-results", "runs"


def results_bucket(name: str = BUCKET) -> list[str]:
    """Return the arguments by which a play uploads results to a bucket."""
    return ["-e", json.dumps({"results_bucket": name, "results_prefix": f"{PREFIX}/"})]


def make_bucket(emulator: EmulatorEnv) -> None:
    """Make the bucket; one that exists stays."""
    emulator.client("s3").create_bucket(Bucket=BUCKET)


def uploaded(emulator: EmulatorEnv, folder: Path) -> bool:
    """Return whether the bucket holds exactly the files of a run's directory."""
    client = emulator.client("s3")
    prefix = f"{PREFIX}/local/{folder.name}/"
    keys = [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
    there = {key.removeprefix(prefix): client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
    return there == {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
