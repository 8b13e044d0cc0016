"""The laws of objects about names: of objects on every verb, and of what is noted with them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from omnicloud.contracts.objects import Objects, ObjectsFeature
from omnicloud.contracts.objects.driver import GetRange, List
from omnicloud.contracts.objects.models import ObjectPage
from omnicloud.contracts.objects.uploads import AbortUpload, ListParts, UploadPart
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.objects.listing import folded
from omnicloud_tck.samples import NAMES
from omnicloud_tck.world import World

__all__ = ["NamingLaws"]

_REAL = 5  # names over a real backend
_LONG, _ENDS = 1000, ("1/a", "1/b", "2")  # bytes of a key that others begin with, and their ends
_NOTES: tuple[dict[str, str], ...] = (
    {"author": "1", "Author": "2", "AUTHOR": "3"},
    {"a-b": "1", "a_b": "2", "a.b": "3", "a b": "4", "ab": "5"},
    {"caf\u00e9": "1", "cafe\u0301": "2", "cafe": "3", "straße": "4", "strasse": "5"},
    {"n": "1", "n ": "2", " n": "3", "n\t": "4", "n%20": "5", "n\0": "6"},
    {"x": "same", "y": "same", "z": ""},
    {f"n{number}": f"{number}" for number in range(40)},
)
"""Notes whose names a header, a column or an attribute would make one, and many of them."""


class NamingLaws(Contract):
    """A name is a name wherever it is given."""

    @law(
        "OBJ-140",
        "Any key can be uploaded to in parts, copied to, asked for, listed from, given up and "
        "deleted with others, and conditions on it are heeded.",
    )
    async def every_verb_takes_every_key(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        names = list(NAMES) if world.virtual else self.random.sample(NAMES, _REAL)
        begun = [await two.begin_upload(name) for name in names]
        for number, name in enumerate(names):
            await _in_parts(one, name, b"content %d" % number)
        for number, name in enumerate(names):
            left = await one.pipeline.send(ListParts(name, begun[number]))
            equal(0, len(left), f"parts under way of {name[:40]!r}, others given up")
            await two.pipeline.send(AbortUpload(name, begun[number]))
        for number, name in enumerate(names):
            chunk = await two.pipeline.send(GetRange(name, 3, 9))
            expected = (b"content %d" % number)[3:9]
            equal(expected, chunk and chunk.data, f"{name[:40]!r}, uploaded in parts")
            equal(name, chunk and chunk.info.key, "the key that is told with a range")
            equal(name, (await two.stat(name)).key, "the key that is told")
        await two.upload("source", b"copied")
        for name in names[::2]:
            older = (await two.stat(name)).version
            await _of_that_version(one, name, await one.copy("source", name), older)
            if ObjectsFeature.CONDITIONAL in one.pipeline.driver.features:
                await _on_conditions(one, two, name, older)
        for number, name in enumerate(names):
            expected = b"content %d" % number if number % 2 else b"copied"
            equal(expected, await two.download(name), f"{name[:40]!r}, after copies to others")
        await _listed(two, names)
        await one.delete_many(names[::2])
        for number, name in enumerate(names):
            there = await two.exists(name)
            equal(bool(number % 2), there, f"whether {name[:40]!r} is there, others deleted")
        await one.delete_many(names)
        equal(["source"], [item.key async for item in two.list()], "what is left")

    @law(
        "OBJ-141",
        "Notes whose names are much alike are kept apart, on every way in.",
    )
    async def notes_are_kept_apart(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        for number, notes in enumerate(_NOTES):
            whole, parts, copy = (f"{way}-{number}" for way in ("whole", "parts", "copy"))
            await one.upload(whole, b"x", metadata=notes)
            upload_id = await one.begin_upload(parts, metadata=notes)
            await one.upload(parts, b"x", upload_id=upload_id)
            await one.copy(whole, copy)
            for key in (whole, parts, copy):
                equal(notes, dict((await two.stat(key)).metadata), f"the notes of {key!r}")


async def _listed(objects: Objects, names: list[str]) -> None:
    """List what begins with each key, in pages of one, with and without a delimiter."""
    longer = [f"{name}{end}" for name in names if len(name.encode()) < _LONG for end in _ENDS]
    for name in longer:
        await objects.upload(name, b"longer")
    for name in names:
        under = [other for other in (*names, *longer) if other.startswith(name)]
        for cut in (None, "/"):
            expected = sorted({folded(key, name, cut) for key in under})
            found: list[tuple[str, bool]] = []
            page = ObjectPage((), "")
            while page.cursor is not None and len(found) <= len(expected):
                page = await objects.pipeline.send(List(name, cut, page.cursor or None, 1))
                that(len(page.items) <= 1, f"a page of one from {name[:40]!r} has more")
                found += [(line.key, line.is_prefix) for line in page.items]
            equal(expected, found, f"what is listed from {name[:40]!r} by {cut!r} in pages of one")
    await objects.delete_many(longer)


async def _of_that_version(objects: Objects, name: str, version: str, older: str) -> None:
    """A range of the version that is there, and none of another one under the name of an older."""
    chunk = await objects.pipeline.send(GetRange(name, 0, 9, version))
    equal(b"copied", chunk and chunk.data, f"{name[:40]!r}, of its version")
    with suppress(ConflictError):  # unless older versions are kept
        chunk = await objects.pipeline.send(GetRange(name, 0, 9, older))
        that(chunk is None or chunk.data != b"copied", f"{name[:40]!r}, of an older version")


async def _on_conditions(one: Objects, two: Objects, name: str, older: str) -> None:
    about = f"{name[:40]!r} on the condition of an older version"
    with refused(ConflictError, f"writing {about}"):
        await one.upload(name, b"wrong", if_version=older)
    with refused(ConflictError, f"copying to {about}"):
        await one.copy("source", name, if_version=older)
    with refused(ConflictError, f"deleting {about}"):
        await one.delete(name, if_version=older)
    with refused(AlreadyExistsError, f"writing {name[:40]!r}, which is there, as absent"):
        await two.upload(name, b"wrong", if_absent=True)
    with refused(AlreadyExistsError, f"copying to {name[:40]!r}, which is there, as absent"):
        await two.copy("source", name, if_absent=True)
    await two.upload(name, b"copied", if_version=(await one.stat(name)).version)


async def _in_parts(objects: Objects, name: str, content: bytes) -> None:
    upload_id = await objects.begin_upload(name)
    await objects.pipeline.send(UploadPart(name, upload_id, 1, 0, content, last=True))
    parts = await objects.pipeline.send(ListParts(name, upload_id))
    told = [(part.number, part.size_bytes) for part in parts]
    equal([(1, len(content))], told, f"the parts under way of {name[:40]!r}")
    await objects.upload(name, content, upload_id=upload_id)
