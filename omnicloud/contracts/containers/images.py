"""The requests about images, and the part of a driver that answers them.

Images belong to the engine: all its services and tenants see them, so who may change them is
for the authorization layer to say.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from omnicloud.contracts.containers.models import ContainersFeature, ContainersLimits, Image
from omnicloud.core.operation import Effect, Feature, Operation

__all__ = [
    "BuildImage",
    "ImagesDriver",
    "ImportImage",
    "ListImages",
    "LoadImages",
    "PullImage",
    "RemoveImage",
]

R = TypeVar("R")


class ImagesDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> ContainersLimits: ...
    async def list_images(self, op: ListImages, /) -> tuple[Image, ...]: ...
    async def import_image(self, op: ImportImage, /) -> Image: ...
    async def load_images(self, op: LoadImages, /) -> tuple[Image, ...]: ...
    async def build_image(self, op: BuildImage, /) -> Image: ...
    async def pull_image(self, op: PullImage, /) -> Image: ...
    async def remove_image(self, op: RemoveImage, /) -> bool: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _OnImage(Operation[ImagesDriver, R]):
    """A request about one image, whose second time changes nothing more."""

    feature: ClassVar[ContainersFeature] = ContainersFeature.IMAGES
    reference: str

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    @property
    def resource(self) -> str:
        return self.reference

    def needs(self) -> frozenset[Feature]:
        return frozenset({self.feature})


@dataclass(frozen=True, slots=True)
class _Slow(_OnImage[R]):
    """One that may lawfully take ``wait`` seconds."""

    wait: float = 600.0

    @property
    def waits(self) -> float:
        return self.wait


@dataclass(frozen=True, slots=True)
class ListImages(Operation[ImagesDriver, tuple[Image, ...]]):
    """The engine's images that have a reference, by reference."""

    name: ClassVar[str] = "containers.list_images"

    def needs(self) -> frozenset[Feature]:
        return frozenset({ContainersFeature.IMAGES})

    def run(self, driver: ImagesDriver) -> Awaitable[tuple[Image, ...]]:
        return driver.list_images(self)


@dataclass(frozen=True, slots=True)
class ImportImage(_Slow[Image]):
    """Make an image of the root file system in the tar file at ``path``, on this machine.

    A reference that is there is then the new image's.

    Errors of a driver:
        InvalidArgumentError: There is no such file, or it is no archive; nothing was made.
    """

    name: ClassVar[str] = "containers.import_image"
    path: str = ""

    def run(self, driver: ImagesDriver) -> Awaitable[Image]:
        return driver.import_image(self)


@dataclass(frozen=True, slots=True)
class LoadImages(_Slow[tuple[Image, ...]]):
    """Bring in the images of the archive at ``reference``, a path on this machine.

    Errors of a driver:
        InvalidArgumentError: There is no such file, or it is no archive; nothing was made.
    """

    name: ClassVar[str] = "containers.load_images"
    feature: ClassVar[ContainersFeature] = ContainersFeature.LOAD

    def run(self, driver: ImagesDriver) -> Awaitable[tuple[Image, ...]]:
        return driver.load_images(self)


@dataclass(frozen=True, slots=True)
class BuildImage(_Slow[Image]):
    """Build an image from the folder at ``path``, on this machine, by the recipe in it.

    Errors of a driver:
        InvalidArgumentError: There is no such folder, or the recipe fails; nothing was made.
    """

    name: ClassVar[str] = "containers.build_image"
    feature: ClassVar[ContainersFeature] = ContainersFeature.BUILD
    path: str = ""

    def run(self, driver: ImagesDriver) -> Awaitable[Image]:
        return driver.build_image(self)


@dataclass(frozen=True, slots=True)
class PullImage(_Slow[Image]):
    """Fetch an image from its registry.

    Errors of a driver:
        NotFoundError: The registry has no such image.
    """

    name: ClassVar[str] = "containers.pull_image"
    feature: ClassVar[ContainersFeature] = ContainersFeature.PULL

    def run(self, driver: ImagesDriver) -> Awaitable[Image]:
        return driver.pull_image(self)


@dataclass(frozen=True, slots=True)
class RemoveImage(_OnImage[bool]):
    """Forget an image, and answer whether there was one.

    Errors of a driver:
        ConflictError: A container runs from it; it stays.
    """

    name: ClassVar[str] = "containers.remove_image"

    def run(self, driver: ImagesDriver) -> Awaitable[bool]:
        return driver.remove_image(self)
