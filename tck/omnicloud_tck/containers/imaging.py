"""Images in rounds: made from a file in a folder of an odd name, listed and removed."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnicloud.contracts.containers import Containers, Image
from omnicloud.contracts.containers.images import ImportImage
from omnicloud.errors import NotFoundError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.containers.bench import spec
from omnicloud_tck.containers.rounds import Round

__all__ = ["archive", "make_image", "no_image", "one_image", "remove_image"]

_FOLDER = "a b \xe9 {{k"


async def no_image(one: Round, client: Containers) -> None:
    if one.archive:
        equal(False, await client.remove_image(one.reference), "remove of no image")
        with refused(NotFoundError, "run from an image that is not there"):
            await client.run(spec(one.name, image=one.reference))
        await one.stands(client, "after it")


async def make_image(one: Round, client: Containers) -> None:
    if one.archive:
        made = await client.import_image(one.reference, one.archive)
        await _image_is(one, client, [made])


async def remove_image(one: Round, client: Containers) -> None:
    if one.archive:
        equal(True, await client.remove_image(one.reference), "remove of an image")
        equal(False, await client.remove_image(one.reference), "remove of what was removed")
        await _image_is(one, client, [])


async def _image_is(one: Round, client: Containers, expected: list[Image]) -> None:
    found = [image for image in await client.images() if image.reference == one.reference]
    equal(expected, found, "images of that reference")


async def one_image(clients: list[Containers], reference: str, path: str, turn: int) -> None:
    one, two = (clients[(turn + at) % 2] for at in range(2))
    equal(False, await one.remove_image(reference), "remove of no image")
    with refused(NotFoundError, "run from an image that is not there"):
        await two.run(spec("from", image=reference))
    made = await one.import_image(reference, path)
    equal(reference, made.reference, "what was imported")
    again = await two.pipeline.send(ImportImage(reference, 100.0, path=path))
    listed = [image for image in await one.images() if image.reference == reference]
    equal([again], listed, "what is listed")
    equal(True, await two.remove_image(reference), "remove of an image")
    listed = [image for image in await one.images() if image.reference == reference]
    equal([], listed, "what is listed after it was removed")
    equal(False, await one.remove_image(reference), "remove of what was removed")


@contextmanager
def archive() -> Iterator[str]:
    """The path of a root file system, in a folder of an odd name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, _FOLDER, "root one.tar")
        path.parent.mkdir()
        with tarfile.open(path, "w") as tar:
            entry = tarfile.TarInfo("hello.txt")
            entry.size = 5
            tar.addfile(entry, io.BytesIO(b"hello"))
        yield os.fspath(path)
