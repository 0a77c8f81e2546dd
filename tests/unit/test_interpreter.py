# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""requirements/interpreter.sh: which Python the environment is made with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "requirements" / "interpreter.sh"
# Where the script also looks, besides the path.
ABSOLUTE = "/usr/bin/python3"


def chosen(directory: Path, **microseconds: str) -> subprocess.CompletedProcess[str]:
    """Run the script with stand-ins of interpreters, each of which takes so many microseconds; `-`: it is not suited.

    The script's absolute paths become paths below the directory, where none of them is.
    """
    programs = directory / "programs"
    programs.mkdir()
    for name, taken in microseconds.items():
        program = programs / name.replace("_", ".")
        program.write_text("#!/bin/sh\n" + (f"echo {taken}\n" if taken.isdigit() else "exit 1\n"))
        program.chmod(0o755)
    text = SCRIPT.read_text()
    assert ABSOLUTE in text
    script = directory / "interpreter.sh"
    script.write_text(text.replace("/usr/bin/python3", str(directory / "none")))
    bash = subprocess.run(["/bin/sh", "-c", "command -v bash"], capture_output=True, text=True, check=True)
    return subprocess.run(
        [bash.stdout.strip(), str(script)],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("microseconds", "name"),
    [
        ({"python3": "1000"}, "python3"),
        ({"python3": "1000", "python3_11": "950"}, "python3"),
        ({"python3": "1000", "python3_11": "899"}, "python3.11"),
        ({"python3": "1000", "python3_13": "890", "python3_11": "700"}, "python3.11"),
        ({"python3": "1000", "python3_13": "700", "python3_11": "650"}, "python3.13"),
        ({"python3": "-", "python3_12": "5000"}, "python3.12"),
    ],
)
def test_the_first_is_chosen_unless_another_is_quicker(tmp_path: Path, microseconds: dict[str, str], name: str) -> None:
    """Another has to need less than nine tenths of the time; one that is not suited is passed over."""
    done = chosen(tmp_path, **microseconds)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/programs/{name}\n"), done.stderr


@pytest.mark.parametrize("microseconds", [{}, {"python3": "-"}])
def test_no_suited_interpreter_is_one_line(tmp_path: Path, microseconds: dict[str, str]) -> None:
    done = chosen(tmp_path, **microseconds)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "Python 3.11, 3.12 or 3.13 is needed: install it" in done.stderr
    assert "python3-venv" in done.stderr


def test_the_chosen_interpreter_makes_environments(tmp_path: Path) -> None:
    """Run on this machine, the script prints one that has pip for an environment."""
    done = subprocess.run([SCRIPT], env=os.environ, capture_output=True, text=True, timeout=60, check=True)
    asked = "import ensurepip, sys; print((3, 11) <= sys.version_info < (3, 14))"
    found = subprocess.run([done.stdout.strip(), "-c", asked], capture_output=True, text=True, check=True)
    assert found.stdout == "True\n"
