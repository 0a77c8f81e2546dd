# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module of the embedded AWS: its options."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.service import Outcome
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.modules import local_aws


def run(capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        local_aws.main()
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_out_of_range_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path, port: int) -> None:
    result = run(capsys, port=port, directory=str(tmp_path), python="python3", process_engine="engine.py")
    assert result["failed"] and result["msg"] == f"port is {port}: choose one from 1 to 65535"


def test_paths_expand_for_the_caller(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Settings] = []

    def start(settings: Settings, *_: Any) -> Outcome:
        seen.append(settings)
        return Outcome(True, "process", [Problem("running", "a warning")])

    warnings: list[str] = []
    monkeypatch.setattr(local_aws, "start", start)
    monkeypatch.setattr(local_aws.AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    Path("link").symlink_to(sys.executable)
    result = run(capsys, directory="state", python="./link", process_engine="engine.py")
    run(capsys, directory="state", python=Path(sys.executable).name, process_engine="engine.py")
    assert [settings.python for settings in seen] == [str(tmp_path / "link"), sys.executable]
    assert (seen[0].directory, seen[0].process_engine) == (tmp_path / "state", tmp_path / "engine.py")
    assert result["changed"] and result["task_engine"] == "process" and result["pids"] == {}
    assert result["log_files"][0] == str(tmp_path / "state" / "process-engine.log")
    assert warnings == ["a warning", "a warning"]


def test_load_balancers_are_returned_by_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the file that the embedded AWS writes; without it there is none."""
    monkeypatch.setattr(local_aws, "start", lambda *_: Outcome(False, "process", []))
    options = {"directory": str(tmp_path), "python": sys.executable, "process_engine": "engine.py"}
    assert run(capsys, **options)["load_balancers"] == {}
    listeners = [{"port": 80, "protocol": "HTTP", "url": "http://127.78.0.1:8080/"}]
    written = {
        "certificate_authority": "",
        "load_balancers": [{"name": "web", "dns_name": "127.78.0.1", "listeners": listeners}],
    }
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "endpoints.json").write_text(json.dumps(written))
    web = {"dns_name": "127.78.0.1", "urls": {"80": "http://127.78.0.1:8080/"}, "certificate_authority": ""}
    assert run(capsys, **options)["load_balancers"] == {"web": web}


def test_interpreter_is_needed_to_start_and_not_to_stop(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "python, process_engine" in run(capsys, directory=str(tmp_path))["msg"]
    assert not run(capsys, directory=str(tmp_path), state="stopped")["changed"]
    assert not run(capsys, directory=str(tmp_path / "none"), state="stopped", _ansible_check_mode=True)["changed"]
