"""The laws of objects about names: of objects on every verb, and of what is noted with them."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.objects import Objects, ObjectsFeature
from omnicloud.contracts.objects.driver import GetRange
from omnicloud.contracts.objects.uploads import AbortUpload, ListParts, UploadPart
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.samples import NAMES
from omnicloud_tck.world import World

__all__ = ["NamingLaws"]

_REAL = 5  # names over a real backend
_NOTES: tuple[dict[str, str], ...] = (
    {"author": "1", "Author": "2", "AUTHOR": "3"},
    {"a-b": "1", "a_b": "2", "a.b": "3", "a b": "4", "ab": "5"},
    {"caf\u00e9": "1", "cafe\u0301": "2", "cafe": "3", "straße": "4", "strasse": "5"},
    {"n": "1", "n ": "2", " n": "3", "n\t": "4", "n%20": "5", "n\0": "6"},
    {"x": "same", "y": "same", "z": ""},
)
"""Notes whose names a header, a column or an attribute would make one."""


class NamingLaws(Contract):
    """A name is a name wherever it is given."""

    @law(
        "OBJ-140",
        "Any key can be uploaded to in parts, copied to, asked for, written on a condition, given "
        "up and deleted with others.",
    )
    async def every_verb_takes_every_key(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        names = list(NAMES) if world.virtual else self.random.sample(NAMES, _REAL)
        begun = [await two.begin_upload(name) for name in names]
        for number, name in enumerate(names):
            await _in_parts(one, name, b"%d" % number)
        for number, name in enumerate(names):
            left = await one.pipeline.send(ListParts(name, begun[number]))
            equal(0, len(left), f"parts under way of {name[:40]!r}, others given up")
            await two.pipeline.send(AbortUpload(name, begun[number]))
        for number, name in enumerate(names):
            chunk = await two.pipeline.send(GetRange(name, 0, 9))
            equal(b"%d" % number, chunk and chunk.data, f"{name[:40]!r}, uploaded in parts")
            equal(name, chunk and chunk.info.key, "the key that is told with a range")
            equal(name, (await two.stat(name)).key, "the key that is told")
        await two.upload("source", b"copied")
        for name in names[::2]:
            version = await one.copy("source", name)
            if ObjectsFeature.CONDITIONAL in one.pipeline.driver.features:
                await two.upload(name, b"copied", if_version=version)
        for number, name in enumerate(names):
            expected = b"%d" % number if number % 2 else b"copied"
            equal(expected, await two.download(name), f"{name[:40]!r}, after copies to others")
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


async def _in_parts(objects: Objects, name: str, content: bytes) -> None:
    upload_id = await objects.begin_upload(name)
    await objects.pipeline.send(UploadPart(name, upload_id, 1, 0, content, last=True))
    parts = await objects.pipeline.send(ListParts(name, upload_id))
    told = [(part.number, part.size_bytes) for part in parts]
    equal([(1, len(content))], told, f"the parts under way of {name[:40]!r}")
    await objects.upload(name, content, upload_id=upload_id)
