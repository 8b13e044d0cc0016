"""The containers contract over a Docker Engine."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from omnicloud.contracts.containers import (
    Container,
    ContainersFeature,
    ContainersLimits,
    ContainerSpec,
    ExecResult,
    State,
    Stats,
)
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import EventPage, LogPage
from omnicloud.contracts.containers.restarts import begun_anew
from omnicloud.core.clock import Clock
from omnicloud.core.disks import disk_below
from omnicloud.core.names import escape
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
    UnavailableError,
)
from omnicloud_docker.attached import DockerAttached
from omnicloud_docker.client import EngineClient
from omnicloud_docker.commands import run_beside
from omnicloud_docker.config import DockerConfig
from omnicloud_docker.errors import Refusal
from omnicloud_docker.happenings import begin, read_events
from omnicloud_docker.images import DockerImages
from omnicloud_docker.logs import Places, read_lines
from omnicloud_docker.mapping import (
    NAME,
    NEVER_RAN,
    SERVICE,
    created,
    docker_name,
    limits_of,
    nanoseconds,
    seen,
    throttling_of,
)
from omnicloud_docker.offered import features_of

__all__ = ["DockerContainers", "open_containers"]

_POLL_SECONDS = 0.05
_END_SECONDS = 20.0
_AT_ONCE = 8  # inspections in flight
_ALIVE = (State.RUNNING, State.PAUSED)
_REFUSALS = (InvalidArgumentError, NotFoundError, ConflictError)


class DockerContainers(DockerImages, DockerAttached):
    """A containers driver; its containers are those with the labels of its service."""

    def __init__(
        self,
        client: EngineClient,
        config: DockerConfig,
        service: str,
        features: frozenset[Feature],
        clock: Clock,
        disk: str | None,
    ) -> None:
        super().__init__(client)
        self._config = config
        self._service = service
        self._features = features
        self._clock = clock
        self._disk = disk

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> ContainersLimits:
        return ContainersLimits()

    @property
    def server_version(self) -> str:
        """The engine's version, as it told at the opening."""
        return self._client.version

    async def run(self, op: ops.Run, /) -> Container:
        image = op.spec.image or self._config.default_image
        if image is None:
            raise InvalidArgumentError(
                "the spec names no image", hint="give image, or default_image in the configuration"
            )
        endpoints = await self._endpoints(op.spec)
        body = created(
            op.spec,
            self._service,
            self._config,
            image,
            await self._mounts(op.spec.mounts),
            endpoints,
            self._disk,
        )
        name = docker_name(self._service, op.spec.name)
        try:
            made = await self._client.ask("POST", "/containers/create", {"name": name}, body)
        except ConflictError:
            raise AlreadyExistsError("there is a container of that name") from None
        try:
            await self._joined(made["Id"], endpoints)
            await self._client.ask("POST", f"/containers/{made['Id']}/start")
        except BaseException as error:
            with anyio.move_on_after(_END_SECONDS, shield=True):
                if isinstance(error, _REFUSALS):
                    await self._disowned(made["Id"])
                await self._deleted(made["Id"], force=True)
            if isinstance(error, NotFoundError) and not _of_network(error):
                # So some engines tell of a missing program.
                raise InvalidArgumentError("the program cannot be started") from error
            raise
        return await self._published(op.spec, made["Id"])

    async def _published(self, spec: ContainerSpec, id_: str) -> Container:
        """The container that was made; an engine passes over ports that it cannot publish.

        Raises:
            InvalidArgumentError: It did so; the container is removed.
        """
        found = seen(await self._told(id_))
        told = {one.container for one in found.ports}
        if found.state in _ALIVE and any(one.container not in told for one in spec.ports):
            await self._deleted(id_, force=True)
            raise InvalidArgumentError(
                "the container is on no network from which the engine publishes ports",
                hint="give networks",
            )
        return found

    async def _disowned(self, id_: str) -> None:
        """Let what never ran be called otherwise, so that nobody is told of its removal."""
        with suppress(OmniCloudError):
            await self._client.ask("POST", f"/containers/{id_}/rename", {"name": NEVER_RAN + id_})

    async def _joined(self, id_: str, endpoints: dict[str, Any]) -> None:
        """Put a container that does not run yet on all of its networks but the first."""
        for network, endpoint in list(endpoints.items())[1:]:
            body = {"Container": id_, "EndpointConfig": endpoint}
            await self._client.ask("POST", f"/networks/{network}/connect", body=body)

    async def inspect(self, op: ops.Inspect, /) -> Container | None:
        try:
            return await self._own(op.container)
        except NotFoundError:
            return None

    async def find(self, op: ops.Find, /) -> tuple[Container, ...]:
        filters = json.dumps({"label": [f"{SERVICE}={escape(self._service)}"]})
        listed = await self._client.ask("GET", "/containers/json", {"all": "1", "filters": filters})
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(id_: str) -> Container | None:
            async with turns:
                try:
                    return seen(await self._told(id_))
                except NotFoundError:
                    return None

        found = await asyncio.gather(*(one(each["Id"]) for each in listed))
        wanted = op.labels.items()
        kept = [
            each
            for each in found
            if each is not None
            and each.name.startswith(op.prefix)
            and wanted <= dict(each.labels).items()
        ]
        return tuple(sorted(kept, key=lambda each: each.name))

    async def start(self, op: ops.Start, /) -> Container:
        found = await self._own(op.container)
        if found.state not in _ALIVE:
            await self._client.ask("POST", f"/containers/{found.id}/start")
        return seen(await self._told(found.id))

    async def stop(self, op: ops.Stop, /) -> Container:
        found = asked = await self._own(op.container)
        if found.state is State.EXITED:
            return found
        if found.state in _ALIVE:
            await self._given_term(found, op.grace)
            found = seen(await self._told(found.id))
            if begun_anew(found, asked):
                return found
        # The engine's own grace has whole seconds only: it is used for the end alone. A busy
        # engine may not see that end in time, which is no reason not to look for it here.
        with suppress(UnavailableError):
            await self._client.ask("POST", f"/containers/{found.id}/stop", {"t": "0"})
        until = self._clock.monotonic() + _END_SECONDS
        while (found := seen(await self._told(found.id))).state is not State.EXITED:
            if begun_anew(found, asked):
                return found
            if self._clock.monotonic() > until:
                raise UnavailableError("the engine does not end the container")
            await self._clock.sleep(_POLL_SECONDS)
        return found

    async def restart(self, op: ops.Restart, /) -> Container:
        await self.stop(op)
        return await self.start(ops.Start(op.container))

    async def pause(self, op: ops.Pause, /) -> Container:
        found = await self._own(op.container)
        return await self._turned(found, "pause", State.PAUSED)

    async def unpause(self, op: ops.Unpause, /) -> Container:
        found = await self._own(op.container)
        if found.state not in _ALIVE:
            raise ConflictError("the container does not run")
        return await self._turned(found, "unpause", State.RUNNING)

    async def remove(self, op: ops.Remove, /) -> bool:
        try:
            found = await self._own(op.container)
        except NotFoundError:
            return False
        return await self._deleted(found.id, force=op.force)

    async def rest(self, op: ops.Rest, /) -> Container:
        until = self._clock.monotonic() + op.wait
        while True:
            found = await self._own(op.container)
            left = until - self._clock.monotonic()
            if found.state is State.EXITED or left <= 0:
                return found
            await self._clock.sleep(min(left, _POLL_SECONDS))

    async def update(self, op: ops.Update, /) -> Container:
        found = await self._own(op.container)
        if found.state not in _ALIVE:
            raise ConflictError("the container does not run")
        body = limits_of(op.cpu, op.memory_bytes)
        await self._client.ask("POST", f"/containers/{found.id}/update", body=body)
        return seen(await self._told(found.id))

    async def logs(self, op: ops.Logs, /) -> LogPage:
        places, until = Places.of(op.cursor), self._clock.monotonic() + op.wait
        while True:
            # Looked at before reading: what an ended container said is all there.
            found = await self._own(op.container)
            over = found.state is State.EXITED
            lines, places = await read_lines(self._client, found.id, places, op.limit, over=over)
            ended = over and not lines
            if lines or ended or self._clock.monotonic() >= until:
                return LogPage(lines, places.cursor(), ended)
            await self._clock.sleep(2 * _POLL_SECONDS)

    async def exec(self, op: ops.Exec, /) -> ExecResult:
        found = await self._own(op.container)
        most = self.limits.exec_output_max_bytes
        try:
            done = await run_beside(self._client, found.id, op.command, wait=op.wait, most=most)
        except Refusal:  # in words that only an end explains, if there was one
            if await self._runs_on(found):
                raise
            done = None
        if done is None and await self._runs_on(found):
            raise InvalidArgumentError("the command cannot be started")
        if done is None:
            raise ConflictError("the container ended meanwhile")
        return done

    async def sample(self, op: ops.Sample, /) -> Stats:
        found = await self._own(op.container)
        if found.state not in _ALIVE:
            raise ConflictError("the container does not run")
        params = {"stream": "false", "one-shot": "true"}
        told = await self._client.ask("GET", f"/containers/{found.id}/stats", params)
        memory = told["memory_stats"]
        if "usage" not in memory:
            raise ConflictError("the container does not run")
        cache = memory.get("stats", {}).get("total_inactive_file", 0)
        measured = Stats(
            told["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
            max(1, memory["usage"] - cache),
            nanoseconds(told["read"]) / 1e9,
        )
        if ContainersFeature.THROTTLING not in self._features:
            return measured
        return replace(measured, **throttling_of(told))

    async def events(self, op: ops.Events, /) -> EventPage:
        if op.cursor is None:
            return await begin(self._client)
        return await read_events(self._client, self._service, op.prefix, op.cursor, op.wait)

    async def aclose(self) -> None:
        """Close the connections; containers go on."""
        await self._client.aclose()

    async def _own(self, name: str) -> Container:
        """This service's container of that name; another's of the same is none."""
        told = await self._told(docker_name(self._service, name))
        labels = told["Config"]["Labels"] or {}
        if (labels.get(SERVICE), labels.get(NAME)) != (escape(self._service), escape(name)):
            raise NotFoundError("there is no container of that name")
        return seen(told)

    async def _told(self, id_: str) -> dict[str, Any]:
        told: dict[str, Any] = await self._client.ask("GET", f"/containers/{id_}/json")
        return told

    async def _runs_on(self, found: Container) -> bool:
        """Whether it is in the run in which it was found."""
        now = seen(await self._told(found.id))
        return now.state in _ALIVE and now.started_at == found.started_at

    async def _turned(self, found: Container, verb: str, wanted: State) -> Container:
        """Pause or unpause what is not so; the runtime may be a moment behind the engine."""
        until = self._clock.monotonic() + _END_SECONDS
        while found.state is not wanted:
            try:
                await self._client.ask("POST", f"/containers/{found.id}/{verb}")
                return seen(await self._told(found.id))
            except ConflictError:
                found = seen(await self._told(found.id))
                if found.state not in _ALIVE or self._clock.monotonic() > until:
                    raise
            await self._clock.sleep(_POLL_SECONDS)
        return found

    async def _given_term(self, found: Container, grace: float) -> None:
        """Give TERM, and the grace to end by itself."""
        try:
            await self._client.ask("POST", f"/containers/{found.id}/kill", {"signal": "SIGTERM"})
            if found.state is State.PAUSED:
                await self.unpause(ops.Unpause(found.name))
        except (ConflictError, Refusal):
            # It ended meanwhile, or the engine has woken it for the signal: runtimes have many
            # words for that. Where it was neither, the end that follows tells the trouble.
            pass
        try:
            async with asyncio.timeout(grace):
                await self._client.ask("POST", f"/containers/{found.id}/wait", wait=grace)
        except TimeoutError:
            return

    async def _deleted(self, id_: str, *, force: bool) -> bool:
        params = {"force": "true" if force else "false", "v": "true"}
        try:
            await self._client.ask("DELETE", f"/containers/{id_}", params)
        except NotFoundError:
            return False
        return True


async def open_containers(config: DockerConfig, opening: Opening) -> DockerContainers:
    """A containers driver on the configured engine.

    Raises:
        UnavailableError: The engine cannot be reached.
    """
    client = EngineClient(config)
    try:
        info = await client.meet()
    except BaseException:
        await client.aclose()
        raise
    service = opening.service.name if config.namespace is None else config.namespace
    disk = await asyncio.to_thread(_disk, config, info)
    features = features_of(info, disk)
    return DockerContainers(client, config, service, features, opening.clock, disk)


def _disk(config: DockerConfig, info: dict[str, Any]) -> str | None:
    """The device of the disk with the engine's data; of an engine elsewhere the configured one."""
    if config.io_device is not None or not config.url.startswith("unix://"):
        return config.io_device
    found = disk_below(Path(info["DockerRootDir"]))
    return str(found.path) if found is not None and found.path.is_block_device() else None


def _of_network(error: NotFoundError) -> bool:
    """Whether the engine misses a network, not a program."""
    refusal = error.__cause__
    return isinstance(refusal, Refusal) and "network" in refusal.said
