# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[1]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("assemble", SOURCE / "image" / "assemble.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


assemble = load()


def test_a_file_includes_every_link_on_its_path(tmp_path: Path) -> None:
    system, root = tmp_path / "system", tmp_path / "root"
    (system / "usr" / "lib" / "deep").mkdir(parents=True)
    (system / "usr" / "lib" / "deep" / "real.so.1").write_text("x")
    (system / "usr" / "lib" / "name.so").symlink_to("deep/real.so.1")
    (system / "lib").symlink_to("usr/lib")
    (system / "usr" / "lib" / "other.so").write_text("y")
    assemble.bring(system / "lib" / "name.so", root)
    made = root / system.relative_to("/")
    assert (made / "lib" / "name.so").read_text() == "x"
    assert (made / "lib").readlink() == Path("usr/lib")
    assert (made / "usr" / "lib" / "name.so").readlink() == Path("deep/real.so.1")
    assert not (made / "usr" / "lib" / "other.so").exists()
    assemble.bring(system / "usr" / "lib" / "name.so", root)


def test_bytecode_beside_its_source_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytecode that replaces its source is found; the image's build has no directory for the bytecode of tests."""
    monkeypatch.setattr(sys, "pycache_prefix", None)
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    for file in (package / "__init__.py", package / "inner" / "__init__.py"):
        file.write_text("WHERE = __file__\n")
    assemble._compile(tmp_path, Path("/app"))
    assemble._remove_sources(tmp_path)
    assert sorted(file.name for file in tmp_path.rglob("*") if file.is_file()) == ["__init__.pyc"] * 2
    script = "import package.inner; print(package.inner.WHERE, package.inner.__name__)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.split()[-1] == "package.inner"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_launcher_imports_is_not_lost(tmp_path: Path, number: signal.Signals) -> None:
    """A signal that arrives while the launcher imports is not lost."""
    (tmp_path / "ddbload").mkdir()
    (tmp_path / "ddbload" / "__init__.py").write_text("")
    # Its import never ends, so that the signal arrives during it.
    (tmp_path / "ddbload" / "cli.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    launcher = tmp_path / "launcher.py"
    launcher.write_text(assemble.LAUNCHER)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, str(launcher)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as started:
        assert started.stdout and started.stdout.readline() == "importing\n"
        started.send_signal(number)
        assert started.wait(30) == 6


def test_the_image_keeps_every_needed_service_model() -> None:
    """The service models that the image keeps are all that the load tester needs."""
    sources = "\n".join(file.read_text() for file in (SOURCE / "src").rglob("*.py"))
    requested = {part.split('"')[1] for part in sources.split("create_client(")[1:]}
    assert requested
    assert requested <= assemble.MODELS
