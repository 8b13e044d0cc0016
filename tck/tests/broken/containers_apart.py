"""containers drivers that mix up names, services and tenants, forget, refuse wrongly or tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from broken.containers_lives import containers
from omnicloud.contracts.containers import Container, ContainersFeature, State
from omnicloud.contracts.containers.driver import Find, Inspect, Remove, Run, Start
from omnicloud.contracts.containers.images import ImportImage, ListImages, RemoveImage
from omnicloud.contracts.containers.models import Image
from omnicloud.core.operation import Feature
from omnicloud.errors import (
    AlreadyExistsError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
)
from omnicloud.memory.boxes import Box
from omnicloud.memory.containers import FEATURES, MemoryContainers
from omnicloud.memory.shell import started
from omnicloud.memory.store import MemoryStore


class _Named(MemoryContainers):
    """Keeps containers under another name than theirs, and tells their own."""

    def kept(self, name: str) -> str:
        return name

    async def run(self, op: Run, /) -> Container:
        spec = replace(op.spec, name=self.kept(op.spec.name))
        return replace(await super().run(replace(op, spec=spec)), name=op.spec.name)

    async def inspect(self, op: Inspect, /) -> Container | None:
        found = await super().inspect(Inspect(self.kept(op.container)))
        return found and replace(found, name=op.container)

    async def remove(self, op: Remove, /) -> bool:
        return await super().remove(replace(op, container=self.kept(op.container)))

    async def _box(self, name: str) -> Box:
        return await super()._box(self.kept(name))


@containers("CA30", "T1", "names are cut to 63 characters")
class Cut(_Named):
    def kept(self, name: str) -> str:
        return name[:63]


@containers("CA31", "T1", "what is no letter or digit in a name becomes a dash")
class Dashes(_Named):
    def kept(self, name: str) -> str:
        return "".join(each if each.isalnum() else "-" for each in name)


@containers("CA32", "T1", "names do not tell case")
class NoCase(_Named):
    def kept(self, name: str) -> str:
        return name.casefold()


@containers("CA33", "T4", "the tenant is cut off a name")
class NoTenant(_Named):
    def kept(self, name: str) -> str:
        return name.partition("/")[2] if name.startswith("~") else name


class _Finding(MemoryContainers):
    """Finds by labels in a way of its own."""

    def fits(self, asked: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        return True

    async def find(self, op: Find, /) -> tuple[Container, ...]:
        found = await super().find(Find(op.prefix))
        return tuple(one for one in found if self.fits(op.labels, one.labels))


@containers("CA34", "T1", "any of the labels will do")
class AnyLabel(_Finding):
    def fits(self, asked: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        return not asked or any(labels.get(key) == value for key, value in asked.items())


@containers("CA35", "T1", "labels are compared by their start")
class LabelPrefix(_Finding):
    def fits(self, asked: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        return all(labels.get(key, "-").startswith(value) for key, value in asked.items())


@containers("CA36", "T1", "the list is in the order of making")
class Unordered(MemoryContainers):
    async def find(self, op: Find, /) -> tuple[Container, ...]:
        return tuple(sorted(await super().find(op), key=lambda one: int(one.id.split("-")[1])))


@containers("CA37", "T4", "the list tells all services' containers")
class ListsAll(MemoryContainers):
    async def find(self, op: Find, /) -> tuple[Container, ...]:
        await self._store.reading()
        return tuple(
            box.seen()
            for (_, name), box in sorted(self._boxes.items())
            if name.startswith(op.prefix) and op.labels.items() <= dict(box.spec.labels).items()
        )


@containers("CA38", "T4", "a container of another service is removed by its name")
class RemovesStrangers(MemoryContainers):
    async def remove(self, op: Remove, /) -> bool:
        if await super().remove(op):
            return True
        for space, name in list(self._boxes):
            if name == op.container:
                return await MemoryContainers(self._store, space).remove(op)
        return False


@containers("CA39", "T4", "the first client tidies up: what other services run is removed")
class Tidies(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        for space, name in list(self._boxes):
            if space != self._space:
                await MemoryContainers(self._store, space).remove(Remove(name, force=True))
        return await super().run(op)


@containers("XCR01", "T3", "a new client starts again what runs already")
class StartsAgain(MemoryContainers):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        for (space, _), box in self._boxes.items():
            if space == namespace and box.state is State.RUNNING:
                self._engine.begin(box, self._now())


@containers("CA40", "T3", "a new client does not know what runs, and lets the name be taken")
class Orphans(MemoryContainers):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._known: set[str] = set()

    async def run(self, op: Run, /) -> Container:
        made = await super().run(op)
        self._known.add(op.spec.name)
        return made

    async def find(self, op: Find, /) -> tuple[Container, ...]:
        return tuple(one for one in await super().find(op) if one.name in self._known)


@containers("CA41", "T3", "containers are gone after a crash of the engine, which durable denies")
class NotDurable(MemoryContainers):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        for space, name in list(self._boxes):
            if space == namespace:
                del self._boxes[space, name]

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES | {ContainersFeature.DURABLE}


@containers("CA42", "T3", "closing a client ends its containers")
class ClosingKills(MemoryContainers):
    async def aclose(self) -> None:
        for (space, _), box in self._boxes.items():
            if space == self._space:
                box.by_hand = True
                self._engine.kill(box, box.turn, self._now())
                self._engine.lie(box)


@containers("CA43", "T3", "an engine out of reach has no containers")
class OutageIsEmpty(MemoryContainers):
    async def inspect(self, op: Inspect, /) -> Container | None:
        return None if self._store.down else await super().inspect(op)


@containers("CA44", "T3", "an engine out of reach is an internal error")
class OutageIsInternal(MemoryContainers):
    async def find(self, op: Find, /) -> tuple[Container, ...]:
        if self._store.down:
            raise InternalError("connection refused")
        return await super().find(op)


@containers("CA45", "T0", "the list has one more than there is")
class Invents(MemoryContainers):
    async def find(self, op: Find, /) -> tuple[Container, ...]:
        ghost = Container(name="ghost", id="0", state=State.EXITED)
        return (*await super().find(op), ghost)


@containers("CA46", "T1", "a program that cannot be started leaves its container behind")
class LeavesGhosts(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        try:
            started(op.spec.command, {})
        except InvalidArgumentError:
            await super().run(replace(op, spec=replace(op.spec, command=("true",))))
            raise
        return await super().run(op)


@containers("CA47", "T1", "a program that cannot be started is a container that failed")
class GhostsFail(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        try:
            return await super().run(op)
        except InvalidArgumentError:
            spec = replace(op.spec, command=("sh", "-c", "exit 127"))
            return await super().run(replace(op, spec=spec))


@containers("CA48", "T1", "holds less than its limits say")
class SmallerThanSaid(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        if sum(map(len, op.spec.env.values())) > 20_000:
            raise InvalidArgumentError("argument list too long")
        return await super().run(op)


@containers("CA49", "T1", "removing an image that is not there says that it was")
class AlwaysRemoved(MemoryContainers):
    async def remove_image(self, op: RemoveImage, /) -> bool:
        return await super().remove_image(op) or True


@containers("CA50", "T1", "an import that fails leaves an image")
class HalfImport(MemoryContainers):
    async def import_image(self, op: ImportImage, /) -> Image:
        self._images[op.reference] = Image(op.reference, "half", 0)
        return await super().import_image(op)


@containers("CA51", "T1", "a run from an image that is not there makes a container")
class AnyImage(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        return await super().run(replace(op, spec=replace(op.spec, image=None)))


@containers("CA52", "T0", "imported images are not listed")
class NoList(MemoryContainers):
    async def list_images(self, op: ListImages, /) -> tuple[Image, ...]:
        await super().list_images(op)
        return ()


@containers("CA53", "T4", "errors tell the environment and the command")
class Tells(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        try:
            return await super().run(op)
        except (AlreadyExistsError, InvalidArgumentError) as error:
            raise type(error)(f"cannot run {op.spec.command} with {dict(op.spec.env)}") from None


@containers("CA54", "T3", "after a refused start nothing more can be run")
class Jams(MemoryContainers):
    jammed = False

    async def run(self, op: Run, /) -> Container:
        if self.jammed:
            raise InternalError("the engine is jammed")
        try:
            return await super().run(op)
        except OmniCloudError:
            self.jammed = True
            raise


@containers("CA55", "T1", "start of a missing container makes nothing and says nothing")
class StartsNothing(MemoryContainers):
    async def start(self, op: Start, /) -> Container:
        try:
            return await super().start(op)
        except NotFoundError:
            return Container(name=op.container, id="", state=State.RUNNING)
