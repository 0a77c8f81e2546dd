# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of the Docker Engine API over containers and images: https://docs.docker.com/reference/api/engine/."""

from __future__ import annotations

import asyncio
import json
import signal
import struct
from collections.abc import AsyncIterator, Collection, Mapping
from uuid import uuid4

from aiohttp import ClientError, web

from embedded_aws.engine.addresses import AddressError, Addresses
from embedded_aws.engine.container import STDERR, STDOUT, Container, task_environment, timestamp
from embedded_aws.engine.health_check import HealthCheck
from embedded_aws.engine.registry import Registry, is_embedded
from embedded_aws.engine.sandbox import Bind, Sandbox

API_VERSION = "1.43"
TRUE = ("1", "true", "True")
NO_ENGINE = (
    "without a container engine, the embedded AWS has the images of its own registry alone -> start Docker, then "
    "`make down`, and deploy with -e local_task_engine=docker; or deploy to an account"
)
SHUTDOWN_GRACE = 3.0  # seconds that processes have to end when the engine does
TASK_LABEL = "com.amazonaws.ecs.task-arn"  # that ECS's own agent sets too


class Engine:
    """The containers, and the requests over them."""

    def __init__(
        self, registry: Registry, path: str, programs: Collection[str], addresses: Addresses, sandbox: Sandbox
    ) -> None:
        self.registry = registry
        self.path = path
        self.programs = programs
        self.addresses = addresses
        self.sandbox = sandbox
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
        labels = body.get("Labels") or {}
        if reason := self.refused(argv[0], labels):
            raise refusal(web.HTTPForbidden, reason)
        name = request.query.get("name", "") or f"process-{uuid4().hex[:12]}"
        if any(container.name == name for container in self.containers.values()):
            raise refusal(web.HTTPConflict, f'The container name "/{name}" is already in use')
        try:
            binds = [Bind.parse(text) for text in (body.get("HostConfig") or {}).get("Binds") or []]
        except ValueError as error:
            raise refusal(web.HTTPBadRequest, str(error)) from error
        try:
            address = self.addresses.of(labels[TASK_LABEL])
        except AddressError as error:
            raise refusal(web.HTTPInternalServerError, str(error)) from error
        environment = dict(item.partition("=")[::2] for item in body.get("Env") or [])
        container = Container(
            id=uuid4().hex + uuid4().hex,
            name=name,
            image=body["Image"],
            argv=argv,
            environment=task_environment(environment, self.path, address),
            labels=labels,
            address=address,
            created_at=timestamp(),
            sandbox=self.sandbox,
            binds=binds,
            check=self.allowed(HealthCheck.parse(body.get("Healthcheck"), address), labels),
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
            self.forget(container)
            reason = "executable file not found in $PATH" if isinstance(error, FileNotFoundError) else error.strerror
            message = f'failed to create task for container: exec: "{container.argv[0]}": {reason or error}'
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
        """DELETE /containers/{id}: a reader of its log still gets every line."""
        container = self.find(request)
        if container.status == "running":
            if request.query.get("force") not in TRUE:
                raise refusal(web.HTTPConflict, f"cannot remove container {container.id}: container is running")
            await container.stop(0)
        self.forget(container)
        return web.Response(status=204)

    def forget(self, container: Container) -> None:
        """Forget a container that does not run; the address of its task is free once the task has none left."""
        self.containers.pop(container.id, None)
        task = container.labels[TASK_LABEL]
        if all(other.labels[TASK_LABEL] != task for other in self.containers.values()):
            self.addresses.release(task)

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

        The user of the embedded AWS may name any program in a task definition or in an override of its command, and it
        runs as that user. No other user may call, so the list restricts only what the operator wants to restrict.
        """
        if TASK_LABEL not in labels:
            return "only containers of ECS tasks are run as processes"
        if self.programs and program not in self.programs:
            return f"{program} is not among the programs that may be run -> add it to local_aws_programs"
        return ""

    def allowed(self, check: HealthCheck | None, labels: Mapping[str, str]) -> HealthCheck | None:
        """Return a health check whose program may be run; None leaves the health unknown."""
        if check is not None and (reason := self.refused(check.command[0], labels)):
            print(f"a health check does not run: {reason}", flush=True)
            return None
        return check

    async def check_image(self, name: str) -> None:
        """Refuse an image that the embedded registry does not have, as Docker does."""
        try:
            found = await self.registry.has(name)
        except (ClientError, TimeoutError) as error:
            message = f"registry {self.registry.url} does not answer: {error or type(error).__name__}"
            raise refusal(web.HTTPInternalServerError, message) from error
        if not found:
            message = f"No such image: {name}: manifest unknown: requested image not found"
            raise refusal(web.HTTPNotFound, message if is_embedded(name) else f"{message}; {NO_ENGINE}")


async def replay(lines: list[tuple[int, bytes]]) -> AsyncIterator[tuple[int, bytes]]:
    """Yield lines that are known already."""
    for line in lines:
        yield line


def frame(stream: int, data: bytes) -> bytes:
    """Wrap output as the API's multiplexed stream does: one byte for the stream, three empty, four for the size."""
    return struct.pack(">BxxxL", stream, len(data)) + data


def refusal(kind: type[web.HTTPError], message: str) -> web.HTTPError:
    """Build an error answer in the Engine API's shape."""
    return kind(text=json.dumps({"message": message}), content_type="application/json")
