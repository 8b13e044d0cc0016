"""What drivers inherit that lack a part, so that they restate no request they cannot serve."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from omnicloud.contracts.containers.attached import (
    CreateNetwork,
    CreateVolume,
    ListNetworks,
    ListVolumes,
    RemoveNetwork,
    RemoveVolume,
)
from omnicloud.contracts.containers.images import (
    BuildImage,
    ImportImage,
    ListImages,
    LoadImages,
    PullImage,
    RemoveImage,
)
from omnicloud.errors import UnsupportedError

__all__ = ["WithoutAttached", "WithoutImages", "WithoutMakingImages"]


async def _refused(what: str) -> NoReturn:
    await asyncio.sleep(0)
    raise UnsupportedError(f"this engine does not serve {what}")


class WithoutMakingImages:
    """Refuses what fetches or makes images other than by import."""

    async def load_images(self, op: LoadImages, /) -> NoReturn:
        await _refused(op.name)

    async def build_image(self, op: BuildImage, /) -> NoReturn:
        await _refused(op.name)

    async def pull_image(self, op: PullImage, /) -> NoReturn:
        await _refused(op.name)


class WithoutImages(WithoutMakingImages):
    """Refuses all that is about images."""

    async def list_images(self, op: ListImages, /) -> NoReturn:
        await _refused(op.name)

    async def import_image(self, op: ImportImage, /) -> NoReturn:
        await _refused(op.name)

    async def remove_image(self, op: RemoveImage, /) -> NoReturn:
        await _refused(op.name)


class WithoutAttached:
    """Refuses all that is about volumes and networks."""

    async def create_volume(self, op: CreateVolume, /) -> NoReturn:
        await _refused(op.name)

    async def list_volumes(self, op: ListVolumes, /) -> NoReturn:
        await _refused(op.name)

    async def remove_volume(self, op: RemoveVolume, /) -> NoReturn:
        await _refused(op.name)

    async def create_network(self, op: CreateNetwork, /) -> NoReturn:
        await _refused(op.name)

    async def list_networks(self, op: ListNetworks, /) -> NoReturn:
        await _refused(op.name)

    async def remove_network(self, op: RemoveNetwork, /) -> NoReturn:
        await _refused(op.name)
