"""The laws of the objects contract: whole objects. Uploads in parts are in ``uploads``."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omnicloud.contracts.objects import Objects
from omnicloud.errors import (
    ConflictError,
    InvalidArgumentError,
    ObjectNotFoundError,
)
from omnicloud_tck.check import each, equal, refused, that
from omnicloud_tck.general.cursors import Cursors
from omnicloud_tck.general.held import Unheld
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.pages import Paged
from omnicloud_tck.general.silence import Silences
from omnicloud_tck.general.steady import Steady
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.objects.conditional import ConditionLaws
from omnicloud_tck.objects.histories import ObjectsHistories
from omnicloud_tck.objects.kinds import KindLaws
from omnicloud_tck.objects.listing import KEYS, ListingLaws, folded, listed
from omnicloud_tck.objects.lookers import LookerLaws
from omnicloud_tck.objects.many_parts import ManyPartsLaws
from omnicloud_tck.objects.marks import MarkLaws
from omnicloud_tck.objects.more import ObjectsMore
from omnicloud_tck.objects.naming import NamingLaws
from omnicloud_tck.objects.parts import PartsLaws
from omnicloud_tck.objects.presign import PresignLaws
from omnicloud_tck.objects.programs import ObjectsPrograms
from omnicloud_tck.objects.told import ToldLaws
from omnicloud_tck.objects.under_way import UnderWayLaws
from omnicloud_tck.objects.uploads import UploadsLaws
from omnicloud_tck.objects.wholes import WholesLaws
from omnicloud_tck.samples import NAMES
from omnicloud_tck.world import World

__all__ = ["ObjectsContract"]

_SIZES = (0, 1, 255, 4096, 65_535, 65_536, 65_537, 1_048_576, 1_048_579, 2_500_001)

Step = tuple[str, int, str, bytes]


_TEMPTING: dict[str, bytes] = {
    "page.html": b"<html>\r\n</html>\n",
    "k.json": b"{}",
    "log.gz": gzip.compress(b"packed", mtime=0),
    "plain": b"",
}
"""Contents by keys from which something might guess that it may change them."""

_ODD_METADATA: tuple[dict[str, str], ...] = (
    {
        "lines": "one\r\nx-evil: 1\n\ttwo",
        "break\r\nin: a name": "x",
        "nul": "a\0b",
        "\u2028": "\x85",
    },
    {"content-encoding": "gzip", "Content-Length": "1", "etag": "x", "x-amz-meta-a": "1", "a": "2"},
)


class ObjectsContract(
    ListingLaws,
    ConditionLaws,
    PresignLaws,
    PartsLaws,
    UploadsLaws,
    UnderWayLaws,
    KindLaws,
    ManyPartsLaws,
    WholesLaws,
    ToldLaws,
    LookerLaws,
    NamingLaws,
    ObjectsMore,
    ObjectsHistories,
    ObjectsPrograms,
    Paged,
    Unheld,
    Silences,
    Steady,
    MarkLaws,
    Cursors,
):
    """Every promise of ``Objects``."""

    contract = "objects"

    async def portable(self, world: World[Any]) -> Objects:
        return Objects(await world.pipeline())

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        await Objects(pipeline).upload(name, payload)

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        try:
            return await Objects(pipeline).download(name)
        except ObjectNotFoundError:
            return None

    async def remove(self, pipeline: Pipe, name: str) -> None:
        await Objects(pipeline).delete(name)

    async def names(self, pipeline: Pipe) -> set[str] | None:
        return {item.key async for item in Objects(pipeline).list()}

    @law(
        "OBJ-001",
        "The last content written is the content read, whatever its size.",
        rung=Rung.SHAPE,
    )
    async def content_is_kept(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        most = objects.pipeline.driver.limits.object_max_bytes
        for size in (*(size for size in _SIZES if size <= most), 10, 10):
            data = self.random.randbytes(size)
            version = await objects.upload("k", data)
            that(await objects.download("k") == data, f"{size} bytes came back changed")
            info = await objects.stat("k")
            equal((size, version), (info.size_bytes, info.version), "size and version in stat")
        for data in (b"same size 1", b"same size 2"):
            await objects.upload("k", data)
            equal(data, await objects.download("k"), "an overwrite of the same size")

    @law(
        "OBJ-002",
        "A missing object is an error, an empty one is not; deleting is idempotent.",
        rung=Rung.SHAPE,
    )
    async def absence_is_an_error(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        for _ in range(2):
            for call in each(objects.download("k"), objects.stat("k"), objects.copy("k", "l")):
                with refused(ObjectNotFoundError, "a missing object"):
                    await call
            equal(False, await objects.exists("k"), "whether it exists")
            await objects.delete("k")
            await objects.upload("k", b"")
            equal(b"", await objects.download("k"), "an empty object")
            equal(True, await objects.exists("k"), "whether an empty object exists")
            equal(0, (await objects.stat("k")).size_bytes, "the size of an empty object")
            await objects.delete("k")
        equal(False, await objects.exists("l"), "the target of a refused copy")

    @law("OBJ-003", "Keys are no paths: a, a/, a/b and a/b/c live side by side.")
    async def keys_are_no_paths(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        for order in (KEYS, KEYS[::-1]):
            for key in order:
                await objects.upload(key, key.encode())
            for key in order:
                equal(key.encode(), await objects.download(key), f"object {key!r}")
            await objects.delete("a/b")
            equal(b"a/b/c", await objects.download("a/b/c"), "below a deleted key")
            equal(b"a", await objects.download("a"), "above a deleted key")
            for key in order:
                await objects.delete(key)

    @law("OBJ-004", "A range goes from start to end, end excluded, cut to what is there.")
    async def ranges_exclude_their_end(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        for size in (0, 10, 200_000):
            data = self.random.randbytes(size)
            await objects.upload("k", data)
            marks = (0, 1, 5, 9, 10, 11, 65_535, 65_536, 65_537, 199_999, 200_000, 300_000)
            for start, end in itertools.combinations_with_replacement(marks, 2):
                got = await objects.download("k", start=start, end=end)
                that(got == data[start:end], f"bytes {start} to {end} of {size}: got {len(got)}")
            for start in marks:
                got = await objects.download("k", start=start)
                that(got == data[start:], f"bytes from {start} of {size}: got {len(got)}")

    @law("OBJ-005", "Content type and metadata are kept as given; an overwrite replaces both.")
    async def metadata_is_kept(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        kind = "text/x-odd; charset=Latin-1"
        metadata = {"Author": "Ünï 🦀", "empty": "", "lower-case": " around ", "UPPER": "1"}
        metadata |= {"escaped": "100%25 %41+b &amp; \\n =?utf-8?q?x?=", "quoted": '"a", b; c=d'}
        for key, data in _TEMPTING.items():
            for kept in (metadata, *_ODD_METADATA):
                await objects.upload(key, data, content_type=kind, metadata=kept)
                info = await objects.stat(key)
                equal(kind, info.content_type, "the content type")
                equal(kept, dict(info.metadata), "the metadata")
            equal(data, await objects.download(key), f"the content of {key!r}")
            await objects.upload(key, b"<html></html>")
            info = await objects.stat(key)
            equal("application/octet-stream", info.content_type, "the content type by default")
            equal({}, dict(info.metadata), "metadata after an overwrite without")

    @law("OBJ-006", "Every write gives another version, also of equal content or after a delete.")
    async def every_write_has_its_version(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        seen: set[str] = set()
        for _ in range(3):
            for data in (b"a", b"a", b"b"):
                version = await objects.upload("k", data)
                that(isinstance(version, str) and version, "a version is text, not empty")
                that(version not in seen, "a version came twice")
                seen.add(version)
                equal(version, (await objects.stat("k")).version, "the version in stat")
            await objects.delete("k")

    @law(
        "OBJ-007",
        "A write is seen by every client at once: content, stat and listing.",
        rung=Rung.CONCURRENCY,
    )
    async def writes_are_seen(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for number in range(6):
            await two.exists("k")
            await listed(two)
            version = await one.upload("k", b"x" * number, metadata={"n": str(number)})
            info = await two.stat("k")
            equal(version, info.version, "the version another client sees")
            equal({"n": str(number)}, dict(info.metadata), "the metadata another client sees")
            equal(b"x" * number, await two.download("k"), "the content another client sees")
            await one.upload(f"new-{number}", b"")
            that(f"new-{number}" in await listed(two), "a new object is not listed")
            await one.delete(f"new-{number}")
            that(f"new-{number}" not in await listed(two), "a deleted object is listed")

    @law("OBJ-008", "A reader sees one whole version, never parts of two.", rung=Rung.CONCURRENCY)
    async def reads_are_not_torn(self, world: World[Any]) -> None:
        writer, reader = await self.portable(world), await self.portable(world)
        size = min(300_000, writer.pipeline.driver.limits.object_max_bytes - 24)
        await writer.upload("k", b"\0" * size)

        async def write() -> None:
            for number in range(1, 25):
                await writer.upload("k", bytes([number]) * (size + number))

        writing = asyncio.ensure_future(write())
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            data = await reader.download("k")
            that(len(set(data)) == 1, "a download holds bytes of two versions")
            equal(size + data[0], len(data), "the size of what was downloaded")
            await self._streamed(reader, size)
        await writing

    async def _streamed(self, reader: Objects, size: int) -> None:
        try:
            parts = [part async for part in reader.stream("k", chunk_bytes=100_000)]
        except ConflictError:
            return
        data = b"".join(parts)
        that(len(set(data)) == 1, "a stream holds bytes of two versions")
        equal(size + data[0], len(data), "the size of what was streamed")

    @law(
        "OBJ-009",
        "A cancelled upload leaves the object before or the whole new one.",
        rung=Rung.CONCURRENCY,
    )
    async def a_cancelled_upload_leaves_no_half(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        before, after = b"b" * 200_000, b"a" * 250_000
        for turns in range(14):
            for key, old in (("new", None), ("old", before)):
                await self.remove(objects.pipeline, key)
                if old is not None:
                    await objects.upload(key, old)
                task = asyncio.ensure_future(objects.upload(key, after))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                found = await self.take(objects.pipeline, key)
                that(found in (old, after), "a cancelled upload left a part of an object")

    @law("OBJ-012", "A copy has content, type and metadata of its source, and shares nothing.")
    async def a_copy_is_its_own(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        for number, source in enumerate(NAMES[:30]):
            target, data = f"copy/{number}/%2F +", b"content %d" % number
            await objects.upload(source, data, content_type="a/b", metadata={"n": str(number)})
            version = await objects.copy(source, target)
            info = await objects.stat(target)
            equal(version, info.version, "the version of the copy")
            equal(("a/b", {"n": str(number)}), (info.content_type, dict(info.metadata)), "a copy")
            equal(data, await objects.download(target), f"the copy of {source!r}")
            await objects.upload(target, b"changed", metadata={"n": "changed"})
            equal(data, await objects.download(source), "the source after its copy changed")
            equal({"n": str(number)}, dict((await objects.stat(source)).metadata), "its metadata")
        await objects.upload("k", b"itself", metadata={"m": "1"})
        await objects.copy("k", "k")
        equal(b"itself", await objects.download("k"), "an object copied onto itself")

    @law("OBJ-013", "A driver's answers share nothing with what it keeps.")
    async def answers_share_nothing(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        given = {"a": "1"}
        await objects.upload("k", b"x", metadata=given)
        given["a"] = "changed by the caller"
        await objects.copy("k", "l")
        metadata: Any = (await objects.stat("l")).metadata
        if isinstance(metadata, dict):
            metadata["a"] = "changed by a reader"
        for key in ("k", "l"):
            equal({"a": "1"}, dict((await objects.stat(key)).metadata), f"metadata of {key}")

    @law(
        "OBJ-022",
        "Metadata over metadata_max_bytes is refused, and nothing written.",
        rung=Rung.SHAPE,
    )
    async def the_metadata_limit_is_true(self, world: World[Any]) -> None:
        objects = await self.portable(world)
        limit = objects.pipeline.driver.limits.metadata_max_bytes
        await objects.upload("k", b"x", metadata={"n": "v" * (limit - 1)})
        equal("v" * (limit - 1), (await objects.stat("k")).metadata["n"], "the longest metadata")
        with refused(InvalidArgumentError, "metadata over the limit"):
            await objects.upload("k", b"y", metadata={"n": "v" * limit})
        equal(b"x", await objects.download("k"), "after the refused write")

    @law(
        "OBJ-040",
        "Any sequence of operations of two clients does what a dictionary would.",
        machine=True,
    )
    def any_sequence_holds(self, lab: Lab) -> None:
        keys = st.sampled_from(("a", "b", "a/b", "a/", "A"))
        steps = st.lists(
            st.tuples(
                st.sampled_from(("put", "put", "get", "delete", "copy", "list", "fold")),
                st.integers(0, 1),
                keys,
                st.sampled_from((b"", b"x", b"yy", b"zz", b"a" * 70_000)),
            ),
            max_size=12,
        )
        clients = [lab.run(self.portable(lab.world)) for _ in range(2)]
        prefixes = itertools.count()

        @drawn(lab)
        @given(steps)
        def trial(given_steps: list[Step]) -> None:
            lab.run(self._follow(clients, f"m{next(prefixes)}-", given_steps))

        trial()

    async def _follow(self, clients: list[Objects], prefix: str, steps: list[Step]) -> None:
        held: dict[str, bytes] = {}
        for verb, number, key, data in steps:
            objects, name = clients[number], prefix + key
            if verb == "put":
                await objects.upload(name, data)
                held[name] = data
            elif verb == "delete":
                await objects.delete(name)
                held.pop(name, None)
            elif verb == "copy":
                await self._copied(objects, held, name, f"{prefix}a")
            elif verb == "get":
                found = await self.take(objects.pipeline, name)
                that(found == held.get(name), f"get {key!r}")
            else:
                await self._compare(objects, held, prefix, "/" if verb == "fold" else None)

    async def _copied(
        self, objects: Objects, held: dict[str, bytes], source: str, target: str
    ) -> None:
        try:
            await objects.copy(source, target)
        except ObjectNotFoundError:
            that(source not in held, "a copy did not find its source")
        else:
            that(source in held, "a copy found a source that is not there")
            held[target] = held[source]

    async def _compare(
        self, objects: Objects, held: dict[str, bytes], prefix: str, delimiter: str | None
    ) -> None:
        expected = sorted({folded(key, prefix, delimiter)[0] for key in held})
        found = [i.key async for i in objects.list(prefix, delimiter=delimiter, page_size=2)]
        equal(expected, found, f"list by {delimiter!r}")
