# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image for an account: what the Dockerfile promises, and its two programs with the packages replaced."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from oneshot_stand_in.serve import settings_of

IMAGE = Path(__file__).parents[3] / "systems" / "oneshot" / "image"
DOCKERFILE = (IMAGE / "Dockerfile").read_text()
LOCKS = {name: IMAGE / f"{name}.txt" for name in ("requirements", "build", "executors/aider")}
NPM = ("claude", "gemini", "cline")


def instructions(word: str) -> list[str]:
    """Return the arguments of the Dockerfile's instructions of one kind, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", "")
    return [line.partition(" ")[2] for line in text.splitlines() if line.startswith(f"{word} ")]


def test_the_image_runs_as_a_user_with_a_writable_directory() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert instructions("WORKDIR")[-1] == "/work"
    assert any("HOME=/data" in value for value in instructions("ENV"))
    assert any("--owner=10001" in value and "/data /work" in value for value in instructions("RUN"))


def test_the_image_holds_the_queue_worker_and_its_package() -> None:
    """The workers of a job name it as their entry point, and it imports boto3."""
    assert "queue_worker.py /opt/oneshot/bin/queue-worker" in instructions("COPY")
    assert any("chmod 0755" in value and "/opt/oneshot/bin/queue-worker" in value for value in instructions("RUN"))
    assert re.search(r"^boto3==", LOCKS["requirements"].read_text(), re.MULTILINE)


def test_scratch_directories_are_volumes_of_the_image() -> None:
    """ECS gives a volume the owner of the image's directory only where the image declares it as a volume."""
    system = yaml.safe_load((IMAGE.parent / "system.yml").read_text())
    (volumes,) = instructions("VOLUME")
    assert system["defaults"]["scratch"] == json.loads(volumes)
    assert system["defaults"].get("read_only", True)


def test_a_stop_reaches_oneshot_as_sigint_through_an_init() -> None:
    assert instructions("STOPSIGNAL") == ["SIGINT"]
    (entry,) = instructions("ENTRYPOINT")
    assert json.loads(entry) == ["/opt/oneshot/bin/dumb-init", "--"]
    assert json.loads(instructions("CMD")[0]) == ["oneshot-serve"]


def test_oneshot_comes_from_a_commit_and_never_from_pypi() -> None:
    arguments = dict(value.partition("=")[::2] for value in instructions("ARG"))
    assert arguments["ONESHOT_REPOSITORY"] == "https://github.com/jjurach/oneshot.git"
    assert re.fullmatch(r"[0-9a-f]{40}", arguments["ONESHOT_COMMIT"])
    installs = [part for value in instructions("RUN") for part in value.split("&&") if "pip install" in part]
    assert len(installs) == 3
    for part in installs:
        assert "--require-hashes" in part or "--no-index wheel/*.whl" in part
    for path in LOCKS.values():
        assert not re.search(r"^oneshot\b", path.read_text(), re.MULTILINE)


def test_no_secret_is_an_argument_or_a_variable_of_the_image() -> None:
    names = " ".join([*instructions("ARG"), *instructions("ENV")])
    assert not re.search(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", names, re.IGNORECASE)
    assert "--mount" not in DOCKERFILE
    # Nothing but named files reaches the builder, so that no file with a key can.
    assert (IMAGE / ".dockerignore").read_text().splitlines()[1] == "*"
    sources = [word for value in instructions("COPY") if "--from" not in value for word in value.split()[:-1]]
    ignored = (IMAGE / ".dockerignore").read_text().splitlines()[2:]
    assert sorted(f"!{source}" for source in sources) == sorted(ignored)


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_what_their_sources_name(name: str) -> None:
    lock = LOCKS[name].read_text()
    wanted = re.findall(r"^([\w.-]+)", LOCKS[name].with_suffix(".in").read_text(), re.MULTILINE)
    pinned = re.findall(r"^([\w.-]+)==[^ ]+(?: ; [^\\]+)? \\$", lock, re.MULTILINE)
    assert wanted
    assert set(wanted) <= set(pinned)
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert not re.search(r"https?://", lock)


@pytest.mark.parametrize("name", NPM)
def test_npm_locks_have_a_hash_for_every_package(name: str) -> None:
    lock = json.loads((IMAGE / "executors" / name / "package-lock.json").read_text())
    wanted = json.loads((IMAGE / "executors" / name / "package.json").read_text())["dependencies"]
    assert lock["packages"][""]["dependencies"] == wanted
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    packages = {path: package for path, package in lock["packages"].items() if path}
    assert [path for path, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    # npm refuses a lock without the packages of other platforms: each dependency has an entry.
    for path, package in packages.items():
        for needed in {**package.get("dependencies", {}), **package.get("optionalDependencies", {})}:
            parents = path.split("/node_modules/")
            homes = ["/node_modules/".join(parents[:count]) for count in range(len(parents), 0, -1)]
            entries = {f"{home}/node_modules/{needed}" for home in homes} | {f"node_modules/{needed}"}
            assert entries & packages.keys(), needed
    # A mirror may serve them: no lock names a registry.
    assert [path for path, package in packages.items() if "resolved" in package] == []


def install(tmp_path: Path, *executors: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", IMAGE / "install_executors.sh", tmp_path / "executors", *executors],
        cwd=IMAGE,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_executors_are_chosen_by_name(tmp_path: Path) -> None:
    assert install(tmp_path, "direct").returncode == 0
    assert list((tmp_path / "executors" / "bin").iterdir()) == []
    for executors, words in ([], "EXECUTORS is empty"), (["direct", "codex"], "EXECUTORS names codex"):
        done = install(tmp_path, *executors)
        assert done.returncode == 2
        assert words in done.stderr
        assert " -> " in done.stderr


# Oneshot's parts and uvicorn, as far as the entry calls them; uvicorn raises a signal again after its shutdown.
REPLACED = {
    "oneshot/__init__.py": "",
    "oneshot/events.py": """
        class Emitter:
            started = False
            async def start(self): self.started = True
            async def stop(self): print("emitter stopped", flush=True)
        event_emitter = Emitter()
    """,
    "oneshot/orchestrator.py": """
        import asyncio
        class AsyncOrchestrator:
            def __init__(self): asyncio.get_running_loop()
    """,
    "oneshot/web_ui.py": """
        import asyncio
        from oneshot.events import event_emitter
        class WebUIApp:
            def __init__(self, orchestrator):
                assert orchestrator and event_emitter.started
                async def nothing(): pass
                asyncio.create_task(nothing())
            def get_app(self): return "application"
    """,
    "uvicorn.py": """
        import asyncio, signal
        class Config:
            def __init__(self, app, **options): print(app, sorted(options.items()), flush=True)
        class Server:
            def __init__(self, config): pass
            async def serve(self):
                stop, caught = asyncio.Event(), []
                loop = asyncio.get_running_loop()
                before = {}
                def note(number, frame):
                    caught.append(number)
                    loop.call_soon_threadsafe(stop.set)
                for number in (signal.SIGINT, signal.SIGTERM):
                    before[number] = signal.signal(number, note)
                print("serving", flush=True)
                await stop.wait()
                for number, handler in before.items():
                    signal.signal(number, handler)
                for number in caught:
                    signal.raise_signal(number)
    """,
}


def entry(directory: Path, **environment: str) -> subprocess.Popen[str]:
    """Start the image's command with replaced packages."""
    for name, text in REPLACED.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, IMAGE / "oneshot_serve.py"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(directory), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_entry_builds_within_a_loop_and_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    process = entry(tmp_path, TASK_ADDRESS="127.77.46.3", PORT="46602")
    assert process.stdout
    lines = [process.stdout.readline(), process.stdout.readline()]
    process.send_signal(number)
    rest, _none = process.communicate(timeout=20)
    assert lines == [
        "application [('host', '127.77.46.3'), ('port', 46602), ('timeout_graceful_shutdown', 25)]\n",
        "serving\n",
    ]
    assert (process.returncode, rest) == (0, "emitter stopped\n")


def test_entry_and_stand_in_listen_where_the_system_says(tmp_path: Path) -> None:
    """In a container both take the port of the description, on all addresses."""
    ports = yaml.safe_load((IMAGE.parent / "system.yml").read_text())["services"]["ui"]["ports"]
    own = settings_of({}, [IMAGE])
    assert (own.address, own.port) == ("0.0.0.0", ports["http"])
    process = entry(tmp_path)
    assert process.stdout
    first = process.stdout.readline()
    # The handlers of the signals are set by then.
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert first.startswith(f"application [('host', '{own.address}'), ('port', {own.port}), ")
