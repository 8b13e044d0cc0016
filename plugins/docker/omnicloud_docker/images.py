"""The part of the contract that is about images."""

from __future__ import annotations

import asyncio
import contextlib
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any

from omnicloud.contracts.containers import Image
from omnicloud.contracts.containers.images import (
    BuildImage,
    ImportImage,
    ListImages,
    LoadImages,
    PullImage,
    RemoveImage,
)
from omnicloud.errors import InvalidArgumentError, NotFoundError
from omnicloud_docker.client import EngineClient
from omnicloud_docker.errors import Refusal, translated

__all__ = ["DockerImages"]

_LOADED = ("Loaded image: ", "Loaded image ID: ")


class DockerImages:
    """Serves what is asked about images."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client

    async def list_images(self, op: ListImages, /) -> tuple[Image, ...]:
        told = await self._client.ask("GET", "/images/json")
        found = [
            Image(tag, one["Id"], one["Size"])
            for one in told
            for tag in one.get("RepoTags") or ()
            if tag != "<none>:<none>"
        ]
        return tuple(sorted(found, key=lambda image: image.reference))

    async def import_image(self, op: ImportImage, /) -> Image:
        repository, tag = _split(op.reference)
        params = {"fromSrc": "-", "repo": repository, "tag": tag}
        with await _opened(op.path) as file:
            await self._made("/images/create", params, file, op.wait)
        return await self._image(op.reference)

    async def load_images(self, op: LoadImages, /) -> tuple[Image, ...]:
        with await _opened(op.reference) as file:
            said = await self._made("/images/load", {"quiet": "1"}, file, op.wait)
        names = [
            line.strip().removeprefix(words)
            for line in said
            for words in _LOADED
            if line.startswith(words)
        ]
        return tuple([await self._image(name) for name in names])

    async def build_image(self, op: BuildImage, /) -> Image:
        with await asyncio.to_thread(_packed, op.path) as file:
            params = {"t": op.reference, "rm": "1", "forcerm": "1"}
            await self._made("/build", params, file, op.wait)
        return await self._image(op.reference)

    async def pull_image(self, op: PullImage, /) -> Image:
        repository, tag = _split(op.reference)
        try:
            await self._client.progress(
                "/images/create", {"fromImage": repository, "tag": tag}, wait=op.wait
            )
        except Refusal as error:
            raise translated(error) from error
        return await self._image(op.reference)

    async def remove_image(self, op: RemoveImage, /) -> bool:
        try:
            await self._client.ask("DELETE", f"/images/{op.reference}")
        except NotFoundError:
            return False
        return True

    async def _made(self, path: str, params: dict[str, str], file: Any, wait: float) -> list[str]:
        try:
            return await self._client.progress(path, params, file, wait=wait)
        except Refusal as error:
            known = translated(error)
            if known is not error:
                raise known from error
            raise InvalidArgumentError(
                "the engine cannot make an image of that", hint="the cause says why"
            ) from error

    async def _image(self, reference: str) -> Image:
        told = await self._client.ask("GET", f"/images/{reference}/json")
        repository, tag = _split(reference)
        name = reference if reference.startswith("sha256:") else f"{repository}:{tag}"
        return Image(name, told["Id"], told["Size"])


def _split(reference: str) -> tuple[str, str]:
    """Repository and tag; a colon before a slash is a port's."""
    repository, _, tag = reference.rpartition(":")
    return (repository, tag) if repository and "/" not in tag else (reference, "latest")


async def _opened(path: str) -> IO[bytes]:
    def checked() -> IO[bytes]:
        with contextlib.suppress(OSError):
            if tarfile.is_tarfile(path):
                return Path(path).open("rb")
        raise InvalidArgumentError("there is no such archive that can be read")

    return await asyncio.to_thread(checked)


def _packed(folder: str) -> IO[bytes]:
    if not Path(folder).is_dir():
        raise InvalidArgumentError("there is no such folder that can be read")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(folder, arcname=".")
    file.seek(0)
    return file
