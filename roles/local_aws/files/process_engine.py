# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process engine: the part of the Docker Engine API that an emulated ECS calls, with processes for containers.

Each "container" is a child process of this machine in a process group and a scratch folder of its own. It isolates
nothing: no file system, no network, no user. It is there so that an ECS task can be tried on a machine without a
container engine. API: https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import struct
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import BasicAuth, ClientError, ClientSession, ClientTimeout, web
from embedded_aws.guard.keys import Keys

API_VERSION = "1.43"
STDOUT, STDERR = 1, 2
TRUE = ("1", "true", "True")
NEVER = "0001-01-01T00:00:00Z"  # what Docker writes for an instant that has not come
# Output that a process's descendants still hold open after its end (they left its group) is heard for so long, seconds.
OUTPUT_GRACE = 1.0
SHUTDOWN_GRACE = 3.0  # seconds that processes have to end when the engine does
TASK_LABEL = "com.amazonaws.ecs.task-arn"  # that ECS's own agent sets too
MAX_LINE = 1024**2  # a longer line is delivered in pieces, bytes
ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True)
class ImageName:
    """An image's name, taken apart: registry's host (may be empty), repository, tag or ``sha256:`` digest."""

    host: str
    repository: str
    reference: str

    @classmethod
    def parse(cls, name: str) -> ImageName:
        """Take apart ``123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1``, ``localhost:80/app@sha256:…``, ``app``."""
        first, _slash, rest = name.partition("/")
        host, path = (first, rest) if rest and ("." in first or ":" in first or first == "localhost") else ("", name)
        if "@" in path:
            tagged, _at, digest = path.partition("@")
            return cls(host, tagged.partition(":")[0], digest)
        repository, _colon, tag = path.partition(":")
        return cls(host, repository, tag or "latest")


class Registry:
    """The embedded registry: it says which images there are."""

    def __init__(self, url: str, keys: Keys) -> None:
        self.url = url
        self.keys = keys

    async def has(self, name: str) -> bool:
        """Tell whether an image is there; ClientError where the registry does not answer."""
        image = ImageName.parse(name)
        async with ClientSession(timeout=ClientTimeout(total=8)) as session:
            if match := ECR_HOST.fullmatch(image.host):
                return await self._has_in_region(session, image, match["account"], match["region"])
            url = f"{self.url}/v2/{image.repository}/manifests/{image.reference}"
            async with session.get(url, auth=BasicAuth("AWS", self.keys.registry)) as answer:
                return answer.status == 200

    async def _has_in_region(self, session: ClientSession, image: ImageName, account: str, region: str) -> bool:
        # The API rather than the registry protocol: it knows digests of images that PutImage recorded, and the region.
        kind = "imageDigest" if ":" in image.reference else "imageTag"
        body = {"repositoryName": image.repository, "imageIds": [{kind: image.reference}]}
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.BatchGetImage",
            # Only key and region count: the emulator checks no signature.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.keys.secret}/20260101/{region}/ecr/aws4_request, "
            "SignedHeaders=host, Signature=none",
        }
        async with session.post(self.url, data=json.dumps(body), headers=headers) as answer:
            found = json.loads(await answer.read()) if answer.status == 200 else {}
        return any(found_image["registryId"] == account for found_image in found.get("images", []))


@dataclass
class Container:
    """One child process and what is known of it; its output is kept in memory, line by line."""

    id: str
    name: str
    image: str
    argv: list[str]
    environment: dict[str, str]
    labels: dict[str, str]
    created_at: str
    started_at: str = NEVER
    finished_at: str = NEVER
    process: asyncio.subprocess.Process | None = None
    exit_code: int | None = None
    lines: list[tuple[int, bytes]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    watcher: asyncio.Task[None] | None = None

    @property
    def status(self) -> str:
        """The Engine API's word for the state."""
        if self.exit_code is not None:
            return "exited"
        return "running" if self.process else "created"

    async def start(self) -> None:
        """Start the process; OSError where its command cannot be run."""
        folder = tempfile.mkdtemp(prefix="ddbload-task-")
        # Pipes of our own: whether asyncio's wait() waits for its pipes' end too differs between versions.
        pipes = {stream: os.pipe() for stream in (STDOUT, STDERR)}
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.argv,
                cwd=folder,
                env={"HOME": folder} | self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=pipes[STDOUT][1],
                stderr=pipes[STDERR][1],
                start_new_session=True,
            )
        except BaseException:
            for read_end, _write_end in pipes.values():
                os.close(read_end)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            for _read_end, write_end in pipes.values():
                os.close(write_end)
        self.started_at = timestamp()
        outputs = [
            asyncio.create_task(self._read(stream, read_end)) for stream, (read_end, _write_end) in pipes.items()
        ]
        self.watcher = asyncio.create_task(self._watch(self.process, outputs, folder))

    async def _watch(self, process: asyncio.subprocess.Process, outputs: list[asyncio.Task[None]], folder: str) -> None:
        code = await process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # a container's end ends all that is in it
        _finished, unfinished = await asyncio.wait(outputs, timeout=OUTPUT_GRACE)
        for output in unfinished:
            output.cancel()
        await asyncio.gather(*outputs, return_exceptions=True)
        shutil.rmtree(folder, ignore_errors=True)
        async with self.changed:
            self.finished_at = timestamp()
            # Docker tells a death by signal n as 128 + n. Known only now: whoever sees the end has seen all output.
            self.exit_code = code if code >= 0 else 128 - code
            self.changed.notify_all()

    async def _read(self, stream: int, descriptor: int) -> None:
        reader = asyncio.StreamReader(limit=MAX_LINE)
        transport, _protocol = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
        )
        rest = b""
        try:
            while chunk := await reader.read(MAX_LINE):
                *complete, rest = (rest + chunk).split(b"\n")
                if len(rest) >= MAX_LINE:
                    complete, rest = [*complete, rest], b""
                await self._append(stream, complete)
        finally:
            transport.close()
            if rest:
                await self._append(stream, [rest])

    async def _append(self, stream: int, lines: list[bytes]) -> None:
        async with self.changed:
            self.lines.extend((stream, line + b"\n") for line in lines)
            self.changed.notify_all()

    def signal(self, number: int) -> None:
        """Send a signal to the process, as Docker does: what it started is its own business until it ends."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def wait(self) -> int:
        """Wait for the end of a started process; returns its exit code."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.status != "running")
        return self.exit_code or 0

    async def stop(self, grace: float) -> None:
        """End the process: SIGTERM, and SIGKILL after ``grace`` seconds."""
        if self.status != "running":
            return
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.wait(), grace)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self.wait()

    async def output(self, follow: bool) -> AsyncIterator[tuple[int, bytes]]:
        """Yield every line from the first on; with ``follow`` up to the process's end, also of a removed container."""
        position = 0
        while True:
            async with self.changed:
                while follow and len(self.lines) == position and self.status != "exited":
                    await self.changed.wait()
                batch, more = self.lines[position:], follow and self.status != "exited"
            for line in batch:
                yield line
            position += len(batch)
            if not more:
                return

    def summary(self) -> dict[str, Any]:
        """Describe it as GET /containers/json does."""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.image,
            "Labels": self.labels,
            "State": self.status,
            "Status": self.status,
        }

    def details(self) -> dict[str, Any]:
        """Describe it as GET /containers/{id}/json does."""
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Image": self.image,
            "Created": self.created_at,
            "State": {
                "Status": self.status,
                "Running": self.status == "running",
                "Pid": self.process.pid if self.process and self.status == "running" else 0,
                "ExitCode": self.exit_code or 0,
                "StartedAt": self.started_at,
                "FinishedAt": self.finished_at,
            },
            "Config": {"Image": self.image, "Labels": self.labels, "Tty": False, "Cmd": self.argv},
            "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {}}, "NetworkMode": "host"},
            "NetworkSettings": {"Networks": {}, "Ports": {}},
        }


class Engine:
    """The containers, and the requests over them."""

    def __init__(self, registry: Registry, path: str, programs: Collection[str]) -> None:
        self.registry = registry
        self.path = path
        self.programs = programs
        self.containers: dict[str, Container] = {}

    def application(self) -> web.Application:
        """Build the web application; every path is answered with and without the API's version before it."""
        app = web.Application(client_max_size=16 * 1024**2)
        for prefix in ("", "/v{version:[0-9.]+}"):
            app.router.add_routes(
                [
                    web.get(f"{prefix}/_ping", self.ping),
                    web.get(f"{prefix}/version", self.version),
                    web.get(f"{prefix}/containers/json", self.list),
                    web.post(f"{prefix}/containers/create", self.create),
                    web.post(f"{prefix}/containers/{{id}}/start", self.start),
                    web.get(f"{prefix}/containers/{{id}}/json", self.inspect),
                    web.post(f"{prefix}/containers/{{id}}/wait", self.wait),
                    web.get(f"{prefix}/containers/{{id}}/logs", self.logs),
                    web.post(f"{prefix}/containers/{{id}}/stop", self.stop),
                    web.post(f"{prefix}/containers/{{id}}/kill", self.kill),
                    web.delete(f"{prefix}/containers/{{id}}", self.remove),
                    web.get(f"{prefix}/images/{{name:.+}}/json", self.image),
                    web.post(f"{prefix}/images/create", self.pull),
                ]
            )
        app.on_shutdown.append(self.shutdown)
        return app

    async def shutdown(self, _app: web.Application) -> None:
        """End every process."""
        await asyncio.gather(*(container.stop(SHUTDOWN_GRACE) for container in self.containers.values()))

    def find(self, request: web.Request) -> Container:
        """Find the container that a request names: by name, by id, or by an id's beginning."""
        wanted = request.match_info["id"]
        for container in self.containers.values():
            if container.name == wanted or container.id.startswith(wanted):
                return container
        raise refusal(web.HTTPNotFound, f"No such container: {wanted}")

    async def ping(self, _request: web.Request) -> web.Response:
        """GET /_ping."""
        return web.Response(text="OK", headers={"API-Version": API_VERSION, "Ostype": "linux"})

    async def version(self, _request: web.Request) -> web.Response:
        """GET /version."""
        return web.json_response(
            {"Version": "ddbload process engine", "ApiVersion": API_VERSION, "MinAPIVersion": "1.24", "Os": "linux"}
        )

    async def list(self, request: web.Request) -> web.Response:
        """GET /containers/json, with label filters."""
        # A list of labels, or in an older form an object whose keys they are.
        wanted = [label.partition("=") for label in json.loads(request.query.get("filters", "{}")).get("label", [])]
        found = [
            container.summary()
            for container in self.containers.values()
            if (container.status == "running" or request.query.get("all") in TRUE)
            and all(
                container.labels.get(key) == value if equals else key in container.labels
                for key, equals, value in wanted
            )
        ]
        return web.json_response(found)

    async def create(self, request: web.Request) -> web.Response:
        """POST /containers/create."""
        body = await request.json()
        await self.check_image(body["Image"])
        argv = [*(body.get("Entrypoint") or []), *(body.get("Cmd") or [])]
        if not argv:
            raise refusal(web.HTTPBadRequest, "no command specified")
        if reason := self.refused(argv[0], body.get("Labels") or {}):
            raise refusal(web.HTTPForbidden, reason)
        name = request.query.get("name", "") or f"process-{uuid4().hex[:12]}"
        if any(container.name == name for container in self.containers.values()):
            raise refusal(web.HTTPConflict, f'The container name "/{name}" is already in use')
        container = Container(
            id=uuid4().hex + uuid4().hex,
            name=name,
            image=body["Image"],
            argv=argv,
            environment=task_environment(dict(item.partition("=")[::2] for item in body.get("Env") or []), self.path),
            labels=body.get("Labels") or {},
            created_at=timestamp(),
        )
        self.containers[container.id] = container
        return web.json_response({"Id": container.id, "Warnings": []}, status=201)

    async def start(self, request: web.Request) -> web.Response:
        """POST /containers/{id}/start."""
        container = self.find(request)
        if container.status != "created":
            return web.Response(status=304)
        try:
            await container.start()
        except OSError as error:
            # Unlike Docker, forget it: a second try under its name then meets this error again, not a name in use.
            del self.containers[container.id]
            reason = "executable file not found in $PATH" if isinstance(error, FileNotFoundError) else error.strerror
            message = f'failed to create task for container: exec: "{container.argv[0]}": {reason}'
            raise refusal(web.HTTPBadRequest, message) from error
        print(f"{container.id[:12]} started {container.argv[0]} ({container.image})", flush=True)
        return web.Response(status=204)

    async def inspect(self, request: web.Request) -> web.Response:
        """GET /containers/{id}/json."""
        return web.json_response(self.find(request).details())

    async def wait(self, request: web.Request) -> web.Response:
        """POST /containers/{id}/wait."""
        return web.json_response({"StatusCode": await self.find(request).wait()})

    async def logs(self, request: web.Request) -> web.StreamResponse:
        """GET /containers/{id}/logs: one frame a line, so that no line is ever torn."""
        container = self.find(request)
        wanted = [
            stream for stream, name in ((STDOUT, "stdout"), (STDERR, "stderr")) if request.query.get(name) in TRUE
        ]
        follow, tail = request.query.get("follow") in TRUE, request.query.get("tail", "all")
        lines = container.output(follow)
        if tail.isdigit() and not follow:
            lines = replay(container.lines[max(0, len(container.lines) - int(tail)) :])
        response = web.StreamResponse(headers={"Content-Type": "application/vnd.docker.multiplexed-stream"})
        await response.prepare(request)
        async for stream, line in lines:
            if stream in wanted:
                await response.write(frame(stream, line))
        return response

    async def stop(self, request: web.Request) -> web.Response:
        """POST /containers/{id}/stop."""
        await self.find(request).stop(float(request.query.get("t", "10")))
        return web.Response(status=204)

    async def kill(self, request: web.Request) -> web.Response:
        """POST /containers/{id}/kill."""
        container = self.find(request)
        if container.status != "running":
            raise refusal(web.HTTPConflict, f"container {container.id} is not running")
        name = request.query.get("signal", "SIGKILL").upper()
        try:
            number = int(name) if name.isdigit() else signal.Signals["SIG" + name.removeprefix("SIG")]
        except KeyError:
            raise refusal(web.HTTPBadRequest, f"invalid signal: {name}") from None
        container.signal(number)
        return web.Response(status=204)

    async def remove(self, request: web.Request) -> web.Response:
        """DELETE /containers/{id}: whoever follows its log still gets every line."""
        container = self.find(request)
        if container.status == "running":
            if request.query.get("force") not in TRUE:
                raise refusal(web.HTTPConflict, f"cannot remove container {container.id}: container is running")
            await container.stop(0)
        self.containers.pop(container.id, None)
        return web.Response(status=204)

    async def image(self, request: web.Request) -> web.Response:
        """GET /images/{name}/json."""
        name = request.match_info["name"]
        await self.check_image(name)
        return web.json_response({"Id": name, "RepoTags": [name], "RepoDigests": []})

    async def pull(self, request: web.Request) -> web.Response:
        """POST /images/create: there is nothing to fetch, the image is there or it is not."""
        name, tag = request.query.get("fromImage", ""), request.query.get("tag", "")
        await self.check_image(f"{name}{'@' if ':' in tag else ':'}{tag}" if tag else name)
        return web.json_response({"status": f"Status: Image is up to date for {name}"})

    def refused(self, program: str, labels: Mapping[str, str]) -> str:
        """Say why a program is not run; empty where it is.

        Whoever may call the embedded AWS may name any program in a task definition or in an override of its command,
        and runs it as himself. Nobody else may call, so a list keeps out only what the operator wants it to.
        """
        if TASK_LABEL not in labels:
            return "only containers of ECS tasks are run as processes"
        if self.programs and program not in self.programs:
            return f"{program} is not among the programs that may be run -> add it to local_aws_programs"
        return ""

    async def check_image(self, name: str) -> None:
        """Refuse an image that the embedded registry does not have, as Docker does."""
        try:
            found = await self.registry.has(name)
        except (ClientError, TimeoutError) as error:
            message = f"registry {self.registry.url} does not answer: {error or type(error).__name__}"
            raise refusal(web.HTTPInternalServerError, message) from error
        if not found:
            raise refusal(web.HTTPNotFound, f"No such image: {name}: manifest unknown: requested image not found")


async def replay(lines: list[tuple[int, bytes]]) -> AsyncIterator[tuple[int, bytes]]:
    """Yield lines that are known already."""
    for line in lines:
        yield line


def frame(stream: int, data: bytes) -> bytes:
    """Wrap output as the API's multiplexed stream does: one byte for the stream, three empty, four for the size."""
    return struct.pack(">BxxxL", stream, len(data)) + data


def task_environment(given: Mapping[str, str], path: str) -> dict[str, str]:
    """Build a task's environment: what the API gave and nothing of the engine's own but the way to the programs.

    Args:
        given: the task's variables.
        path: folders of programs, as PATH has them; they come before those of the task's own PATH.
    """
    # The name by which a container reaches its host: here both are one machine.
    task = {name: value.replace("host.docker.internal", "127.0.0.1") for name, value in given.items()}
    return {"LANG": "C.UTF-8"} | task | {"PATH": os.pathsep.join(filter(None, [path, task.get("PATH")]))}


def timestamp() -> str:
    """Now, as the Engine API writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def refusal(kind: type[web.HTTPError], message: str) -> web.HTTPError:
    """Build an error answer in the Engine API's shape."""
    return kind(text=json.dumps({"message": message}), content_type="application/json")


def private_folder(folder: Path) -> None:
    """Make a folder that only this user may enter; SystemExit where another user was there first."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = folder.lstat()
    if known.st_uid != os.getuid() or not stat.S_ISDIR(known.st_mode):
        sys.exit(
            f"{folder} is not a folder of this user, others could reach the engine: remove it, or use another port"
        )
    folder.chmod(0o700)


def main() -> None:
    """Serve until SIGTERM or SIGINT, then end every process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--socket", required=True, type=Path, help="UNIX socket to listen on, in a folder of its own")
    parser.add_argument(
        "--registry", required=True, help="URL of the emulator, whose registry says which images there are"
    )
    parser.add_argument(
        "--credentials", required=True, type=Path, help="credentials file that holds the emulator's key"
    )
    parser.add_argument(
        "--program",
        action="append",
        default=[],
        help="what tasks may run, by the first word of their command; may recur",
    )
    options = parser.parse_args()
    keys = Keys.read(options.credentials)
    private_folder(options.socket.parent)
    options.socket.unlink(missing_ok=True)  # left by an engine that was killed
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(options.socket))
    listener.listen()
    mine = options.socket.stat().st_ino
    # The load tester is installed beside the interpreter that runs this.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    print(f"Process engine on {options.socket}: tasks run as processes of this user, nothing isolates them", flush=True)
    application = Engine(Registry(options.registry, keys), path, options.program).application()
    web.run_app(application, sock=listener, print=None, access_log=None, shutdown_timeout=SHUTDOWN_GRACE)
    # Unless a later engine has taken the place over.
    with contextlib.suppress(OSError):
        if options.socket.stat().st_ino == mine:
            options.socket.unlink()
            options.socket.parent.rmdir()


if __name__ == "__main__":
    main()
