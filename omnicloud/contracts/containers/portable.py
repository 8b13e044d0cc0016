"""The class users hold: programs that run apart."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from typing import final

from omnicloud.contracts.containers import attached, images
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.checks import (
    checked,
    checked_command,
    checked_labels,
    checked_reference,
    checked_resources,
)
from omnicloud.contracts.containers.driver import ContainersDriver
from omnicloud.contracts.containers.models import (
    Container,
    ContainerSpec,
    Event,
    ExecResult,
    Image,
    LogLine,
    Resources,
    State,
    Stats,
)
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive, seconds
from omnicloud.core.names import check_name, check_prefix
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ConflictError, InvalidArgumentError, NotFoundError

__all__ = ["Containers"]

_POLL_SECONDS = 20.0  # of one long poll; streams ask again


@final
class Containers:
    """Programs that run apart, by name.

    Names are any Unicode of 1 to 1,024 bytes of UTF-8. Every method may raise
    :class:`~omnicloud.errors.UnavailableError` (unknown), ``DeadlineExceededError`` (unknown)
    and ``ClosedError``, and one about a container that is not there ``NotFoundError``; the
    others are named where they belong. Closing leaves the containers running: who opens the
    service again finds them by their names.
    """

    def __init__(self, pipeline: Pipeline[ContainersDriver], clock: Clock = SYSTEM_CLOCK) -> None:
        self._pipeline = pipeline
        self._clock = clock

    @property
    def pipeline(self) -> Pipeline[ContainersDriver]:
        """The way to the driver."""
        return self._pipeline

    async def run(self, spec: ContainerSpec) -> Container:
        """Make a container and start it.

        Raises:
            AlreadyExistsError: A container has the name, also one that has ended.
            NotFoundError: There is no such image; nothing was made.
            InvalidArgumentError: The spec breaks a bound, or its program cannot be started; no
                container is left.
            ConflictError: A port of the machine is taken; no container is left.
        """
        return await self._pipeline.send(ops.Run(checked(spec)))

    async def get(self, name: str) -> Container | None:
        """How a container stands, or ``None`` where there is none."""
        return await self._pipeline.send(ops.Inspect(check_name(name)))

    async def list(
        self, prefix: str = "", *, labels: Mapping[str, str] | None = None
    ) -> tuple[Container, ...]:
        """The containers whose name starts with ``prefix`` and that have all ``labels``."""
        wanted = dict(checked_labels(labels or {}))
        return await self._pipeline.send(ops.Find(check_prefix(prefix), wanted))

    async def start(self, name: str) -> Container:
        """Start a container that has ended; one that runs is left alone.

        Raises:
            NotFoundError: There is none, or a network that it is on was removed.
            ConflictError: A port of the machine is taken; it stays as it is.
        """
        return await self._pipeline.send(ops.Start(check_name(name)))

    async def stop(self, name: str, *, grace: Seconds = 10.0) -> Container:
        """End a container: TERM to its program, and KILL to all of it ``grace`` later.

        Returns when it has ended. It is not restarted, whatever its policy says.
        """
        return await self._pipeline.send(ops.Stop(check_name(name), seconds(grace, "grace")))

    async def restart(self, name: str, *, grace: Seconds = 10.0) -> Container:
        """Stop a container, where it runs, and start it."""
        return await self._pipeline.send(ops.Restart(check_name(name), seconds(grace, "grace")))

    async def pause(self, name: str) -> Container:
        """Hold every process of a running container. Needs ``pause``.

        Raises:
            ConflictError: It does not run.
        """
        return await self._pipeline.send(ops.Pause(check_name(name)))

    async def unpause(self, name: str) -> Container:
        """Let a paused container go on. Needs ``pause``.

        Raises:
            ConflictError: It does not run.
        """
        return await self._pipeline.send(ops.Unpause(check_name(name)))

    async def remove(self, name: str, *, force: bool = False) -> bool:
        """Forget a container and its logs; whether there was one. A missing one is no error.

        Raises:
            ConflictError: It has not ended, and ``force`` was not given.
        """
        return await self._pipeline.send(ops.Remove(check_name(name), force))

    async def wait(self, name: str, *, timeout: Seconds | None = None) -> Container:
        """How a container stands once it has ended for good, or when ``timeout`` has passed."""
        check_name(name)
        left = None if timeout is None else seconds(timeout, "timeout")
        until = None if left is None else self._clock.monotonic() + left
        while True:
            wait = _POLL_SECONDS
            if until is not None:
                wait = max(0.0, min(wait, until - self._clock.monotonic()))
            found = await self._pipeline.send(ops.Rest(name, wait))
            if found.state is State.EXITED or wait < _POLL_SECONDS:
                return found

    async def update(
        self,
        name: str,
        *,
        cpu: float | None = None,
        memory_bytes: int | None = None,
        read_bps: int | None = None,
        write_bps: int | None = None,
        read_iops: int | None = None,
        write_iops: int | None = None,
    ) -> Container:
        """Change limits of a running container in place; what is not given stays as it is.

        The answer has the limits as the kernel took them. They outlast restarts. Needs ``cpu``,
        ``memory``, and for the others ``io`` and ``io_update``, as far as they are given.

        Raises:
            ConflictError: It does not run, or uses more memory than it would be given.
            UnsupportedError: The engine cannot change one of them; nothing was changed.
        """
        asked = Resources(cpu, memory_bytes, read_bps, write_bps, read_iops, write_iops)
        if asked == Resources():
            raise InvalidArgumentError("update changes nothing", hint="give a limit, such as cpu")
        op = ops.Update(check_name(name), **asdict(checked_resources(asked)))
        return await self._pipeline.send(op)

    async def logs(self, name: str, *, follow: bool = False) -> AsyncIterator[LogLine]:
        """The lines that a container wrote, each once, in order per stream.

        From the oldest line that the engine keeps. With ``follow`` until the container has
        ended or is removed, else until what is there at the moment.
        """
        check_name(name)
        page = await self._pipeline.send(ops.Logs(name))
        while True:
            for line in page.lines:
                yield line
            if page.ended or (not follow and not page.lines):
                return
            wait = _POLL_SECONDS if follow else 0.0
            try:
                page = await self._pipeline.send(ops.Logs(name, page.cursor, wait))
            except NotFoundError:
                return

    async def exec(
        self, name: str, command: Sequence[str], *, timeout: Seconds = 60.0
    ) -> ExecResult:
        """Run a further command in a running container and return how it ended.

        Needs ``exec``.

        Raises:
            ConflictError: The container does not run.
            InvalidArgumentError: The command cannot be started.
            DeadlineExceededError: It had not ended after ``timeout``; it may still run.
        """
        op = ops.Exec(check_name(name), checked_command(command), positive(timeout, "timeout"))
        return await self._pipeline.send(op)

    async def stats(self, name: str, *, interval: Seconds = 1.0) -> AsyncIterator[Stats]:
        """What a container uses, now and every ``interval``, until it does not run.

        Needs ``stats``.
        """
        check_name(name)
        pause = positive(interval, "interval")
        while True:
            try:
                yield await self._pipeline.send(ops.Sample(name))
            except (ConflictError, NotFoundError):
                return
            await self._clock.sleep(pause)

    async def events(self, prefix: str = "") -> AsyncIterator[Event]:
        """What happens to the containers under ``prefix`` from now on, until the loop is left.

        "Now" is when the iteration starts. Needs ``events``.

        Raises:
            NotFoundError: The engine has let events go that were not told yet: it restarted, or
                more happened between two requests than it keeps. List the containers, and watch
                from now on.
        """
        check_prefix(prefix)
        page = await self._pipeline.send(ops.Events(prefix))
        while True:
            for event in page.events:
                yield event
            page = await self._pipeline.send(ops.Events(prefix, page.cursor, _POLL_SECONDS))

    async def images(self) -> tuple[Image, ...]:
        """The engine's images that have a reference, by reference. Needs ``images``."""
        return await self._pipeline.send(images.ListImages())

    async def import_image(self, reference: str, tar: str | os.PathLike[str]) -> Image:
        """Make an image of the root file system in a tar file. Needs ``images``.

        Raises:
            InvalidArgumentError: There is no such file, or it is no archive; nothing was made.
        """
        path = os.fspath(tar)
        return await self._pipeline.send(
            images.ImportImage(checked_reference(reference), path=path)
        )

    async def load_images(self, archive: str | os.PathLike[str]) -> tuple[Image, ...]:
        """Bring in the images of an archive that an engine saved. Needs ``load``.

        Raises:
            InvalidArgumentError: There is no such file, or it is no archive; nothing was made.
        """
        return await self._pipeline.send(images.LoadImages(os.fspath(archive)))

    async def build_image(self, reference: str, folder: str | os.PathLike[str]) -> Image:
        """Build an image from a folder by the recipe in it. Needs ``build``.

        Raises:
            InvalidArgumentError: There is no such folder, or the recipe fails; nothing was made.
        """
        path = os.fspath(folder)
        return await self._pipeline.send(images.BuildImage(checked_reference(reference), path=path))

    async def pull_image(self, reference: str) -> Image:
        """Fetch an image from its registry. Needs ``pull``.

        Raises:
            NotFoundError: The registry has no such image.
        """
        return await self._pipeline.send(images.PullImage(checked_reference(reference)))

    async def remove_image(self, reference: str) -> bool:
        """Forget an image; whether there was one. Needs ``images``.

        Raises:
            ConflictError: A container runs from it; it stays.
        """
        return await self._pipeline.send(images.RemoveImage(checked_reference(reference)))

    async def create_volume(self, name: str) -> None:
        """Make an empty volume; one that is there is left as it is. Needs ``volumes``."""
        await self._pipeline.send(attached.CreateVolume(check_name(name)))

    async def volumes(self, prefix: str = "") -> tuple[str, ...]:
        """The names of the service's volumes under ``prefix``, in order. Needs ``volumes``."""
        return await self._pipeline.send(attached.ListVolumes(check_prefix(prefix)))

    async def remove_volume(self, name: str) -> bool:
        """Forget a volume and what is in it; whether there was one. Needs ``volumes``.

        Raises:
            ConflictError: A container has it mounted, running or not; it stays.
        """
        return await self._pipeline.send(attached.RemoveVolume(check_name(name)))

    async def create_network(self, name: str) -> None:
        """Make a network; one that is there is left as it is. Needs ``networks``."""
        await self._pipeline.send(attached.CreateNetwork(check_name(name)))

    async def networks(self, prefix: str = "") -> tuple[str, ...]:
        """The names of the service's networks under ``prefix``, in order. Needs ``networks``."""
        return await self._pipeline.send(attached.ListNetworks(check_prefix(prefix)))

    async def remove_network(self, name: str) -> bool:
        """Forget a network; whether there was one. Needs ``networks``.

        Raises:
            ConflictError: A container that has not ended is on it; it stays.
        """
        return await self._pipeline.send(attached.RemoveNetwork(check_name(name)))

    async def aclose(self) -> None:
        """Close; calls in flight get a grace, containers go on. Twice is silent."""
        await self._pipeline.aclose()
