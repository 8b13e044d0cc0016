"""What a driver without images inherits, so that it restates no request it cannot serve."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from omnicloud.contracts.containers.images import (
    BuildImage,
    ImportImage,
    ListImages,
    LoadImages,
    PullImage,
    RemoveImage,
)
from omnicloud.errors import UnsupportedError

__all__ = ["WithoutImages", "WithoutMakingImages"]


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
