# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/startup: what is kept from one process for the next is used for the same sources only."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

STARTUP = Path(__file__).parents[1] / "startup"
SOURCE = "def name():\n    return {!r}, name.__code__.co_filename\n"


@pytest.fixture
def startup(tmp_path: Path) -> Path:
    """A copy of the directory; what it keeps lands below the test's own."""
    return Path(shutil.copytree(STARTUP, tmp_path / "checkout" / "tests" / "startup"))


def imported(startup: Path, archive: Path, source: str) -> list[str]:
    """Return what a new process gets from a module in a zip file."""
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped.py", source)
    script = f"import json, sys; sys.path.insert(0, {str(archive)!r}); import zipped; print(json.dumps(zipped.name()))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(startup)},
        capture_output=True,
        text=True,
        check=True,
    )
    names: list[str] = json.loads(done.stdout)
    return names


def test_bytecode_is_kept_by_source(startup: Path, tmp_path: Path) -> None:
    """The bytecode of a source is kept once, serves it at any path, and serves no other source."""
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    kept = startup.parents[1] / ".build" / "bytecode" / "zipped"

    assert imported(startup, one, SOURCE.format("first")) == ["first", f"{one}/zipped.py"]
    (first,) = kept.iterdir()
    written = first.stat().st_mtime_ns
    assert imported(startup, other, SOURCE.format("first")) == ["first", f"{other}/zipped.py"]
    assert [(path, path.stat().st_mtime_ns) for path in kept.iterdir()] == [(first, written)]
    assert imported(startup, one, SOURCE.format("second")) == ["second", f"{one}/zipped.py"]


def test_spoilt_bytecode_is_compiled_anew(startup: Path, tmp_path: Path) -> None:
    """What is no bytecode, as after a full disk, is replaced."""
    archive = tmp_path / "one.zip"
    kept = startup.parents[1] / ".build" / "bytecode" / "zipped"
    imported(startup, archive, SOURCE.format("first"))
    (file,) = kept.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])

    assert imported(startup, archive, SOURCE.format("first"))[0] == "first"
    assert file.read_bytes() == whole


def kept_modules() -> ModuleType:
    """Return the callback plugin as a module."""
    spec = importlib.util.spec_from_file_location("kept_modules", STARTUP / "callback" / "kept_modules.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("change", ["written", "replaced", "removed", "added"])
def test_zip_files_are_kept_for_the_same_sources(change: str, tmp_path: Path) -> None:
    """Modules whose sources are changed, replaced, removed or added are zipped anew."""
    plugin = kept_modules()
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("1")
    other.write_text("2")
    before = plugin.fingerprint([one, other])
    assert plugin.fingerprint([one, other]) == before
    if change == "written":
        one.write_text("longer")
    elif change == "replaced":
        other.replace(one)
        other.write_text("2")

    files = {"removed": [one], "added": [one, other, Path(__file__)]}.get(change, [one, other])
    assert plugin.fingerprint(files) != before


def test_zip_files_depend_on_all_that_is_ours() -> None:
    """The fingerprint covers the modules, what they import, and the versions of Ansible and amazon.aws."""
    names = {path.name for path in kept_modules().sources()}

    assert {"cfn_stacks.py", "clients.py", "MANIFEST.json"} <= names


def test_another_sitecustomize_keeps_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Debian's Python has a module of this name, which a call without tests/startup on its path imports."""
    plugin = kept_modules()
    monkeypatch.setitem(sys.modules, "sitecustomize", ModuleType("sitecustomize"))
    monkeypatch.setattr(plugin, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(plugin.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(plugin, "_collection_finder", finder := ModuleType("finder"))
    plugin.CallbackModule()
    assert list(tmp_path.iterdir()) == []
    assert not hasattr(finder, "compile")


PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Name the process
      ansible.builtin.set_fact:
        one: "{{ lookup('ansible.builtin.pipe', 'echo $PPID') }}"
    - name: Name the process again
      ansible.builtin.set_fact:
        two: "{{ lookup('ansible.builtin.pipe', 'echo $PPID') }}"
    - name: Include a file twice
      ansible.builtin.include_tasks: included.yml
      loop: [a, b]
      loop_control:
        loop_var: each
    - name: Fail
      ansible.builtin.assert:
        that: seen == 'nothing'
        quiet: true
      ignore_errors: true
    - name: Skip
      ansible.builtin.debug:
        msg: not shown
      when: seen == 'nothing'
    - name: Run a module
      ansible.builtin.command: echo {{ seen }}
      register: module
      changed_when: false
    - name: Show
      ansible.builtin.debug:
        msg: "{{ module.stdout }} {{ 'in one process' if one == two else 'forked' }}"
"""
INCLUDED = """
- name: Add {{ each }}
  ansible.builtin.set_fact:
    seen: "{{ seen | default('') ~ each }}"
- name: Say {{ each }}
  ansible.builtin.debug:
    msg: "{{ seen }}"
"""


def test_tasks_without_a_module_need_no_process(tmp_path: Path) -> None:
    """The screen is the same as where Ansible forks: loops, includes, failures, skipped tasks, modules."""
    (tmp_path / "playbook.yml").write_text(PLAYBOOK)
    (tmp_path / "included.yml").write_text(INCLUDED)
    (tmp_path / "empty.cfg").touch()
    screens = []
    for enabled in ("kept_modules", "kept_modules,in_process"):
        done = subprocess.run(
            [
                "ansible-playbook",
                "-i",
                "localhost,",
                "-e",
                f"ansible_python_interpreter={sys.executable}",
                "playbook.yml",
            ],
            cwd=tmp_path,
            env=os.environ
            | {
                "ANSIBLE_CALLBACK_PLUGINS": str(STARTUP / "callback"),
                "ANSIBLE_CALLBACKS_ENABLED": enabled,
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_CONFIG": "empty.cfg",
                "ANSIBLE_LOCALHOST_WARNING": "false",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        screens.append(done.stdout)
    assert "ab forked" in screens[0]
    assert screens[0].replace("forked", "in one process") == screens[1]
