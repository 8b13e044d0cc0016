"""The calls of objects: what is drawn of each, and the requests that they become."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from omnicloud.contracts.objects import Objects, ObjectsFeature
from omnicloud.contracts.objects.checks import checksum_of
from omnicloud.contracts.objects.driver import (
    Copy,
    Delete,
    GetRange,
    List,
    Stat,
)
from omnicloud.contracts.objects.models import Listed
from omnicloud.contracts.objects.uploads import AbortUpload, BeginUpload, ListParts, UploadPart
from omnicloud.errors import ObjectNotFoundError
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.calls import Calls
from omnicloud_tck.programs.chances import Chance
from omnicloud_tck.programs.deeds import Deed, One
from omnicloud_tck.programs.houses import House
from omnicloud_tck.subjects.objects_draws import (
    CONDITIONED,
    LAST,
    MAKERS,
    SINGLE,
    UPLOADS,
    WHOLE,
    Call,
    Kind,
    kind_of,
    upload_of,
)
from omnicloud_tck.subjects.objects_model import ObjectsModel
from omnicloud_tck.subjects.objects_state import Blob, ObjectsState
from omnicloud_tck.world import World

__all__ = ["ObjectsCalls"]

_LARGEST_PART = 1 << 20  # a store whose parts are larger is not asked for several of them
_APART = frozenset({"begin", "delete_many"})  # the latter is not one deed, but several
_SEVERAL = frozenset({"copy", "complete", "read", "read_if"})
"""Those that a driver may make of several requests which conditions hold together."""


class ObjectsCalls(Calls):
    """Every request of objects with every option.

    Args:
        emulated: Whether an emulator stands in for the store. If it heeds no conditions, what a
            driver needs them for does not meet another call: it would say nothing of the driver.
    """

    contract = "objects"
    rare = frozenset({"begin"})

    def __init__(self, driver: Any, *, emulated: bool = False) -> None:
        self._smallest: int = driver.limits.part_min_bytes
        self._page: int = driver.limits.page_max_items
        verbs = {**SINGLE, **(UPLOADS if self._smallest <= _LARGEST_PART else {})}
        super().__init__(driver, ObjectsModel(), verbs, WHOLE)
        lax = emulated and ObjectsFeature.CONDITIONAL not in self.features
        self.apart = _APART | _SEVERAL if lax else _APART

    @classmethod
    def cast(cls, world: World[Any], driver: Any) -> ObjectsCalls:
        return cls(driver, emulated=bool(world.backend and world.backend.emulator))

    def before(self, chance: Chance, name: str) -> list[Call]:
        """Steps that make an object, nothing, or an upload under way."""
        kind = kind_of(chance)
        calls: list[list[Call]] = [[("put", name, b"7", kind, True)], [("delete", name)]]
        if "begin" in self.single:
            parts: list[Call] = [("begin", name, kind), ("part", 0, 1, b"one", True, "")]
            calls += [parts, [*parts, *parts], [*parts, ("put", name, b"8", kind, True)]]
        return [("do", (0, 0), call) for call in chance.choice(calls)]

    # Calls that are one request

    def unknown(self, house: House, call: Call) -> Deed | None:
        """What to ask before a call about a version, or tags, that nobody has been told."""
        verb, *rest = call
        state: ObjectsState = house.state
        if verb == "complete":
            upload_id, key = upload_of(house, rest[0])
            upload = state.uploads.get(upload_id)
            if upload is not None and any(tag is None for tag, _ in upload.parts.values()):
                return One(ListParts(key, upload_id))
            target = key
        elif verb in CONDITIONED and rest[-1] in ("current", "bent", "fitting"):
            target = house.space + rest[CONDITIONED[verb]]
        else:
            return None
        blob = state.blobs.get(target)
        return One(Stat(target)) if blob is not None and not blob.version else None

    def deed(self, house: House, call: Call) -> Deed:
        """A call as it is sent now."""
        verb, *rest = call
        if verb == "part":
            return One(self._part(house, *rest))
        return One(MAKERS[verb](house, *rest))

    def _part(
        self, house: House, which: int, number: int, data: bytes, last: bool, astray: str
    ) -> UploadPart:
        upload_id, key = upload_of(house, which, astray)
        smallest = self._smallest
        content = data if last else (data + b"%d-" % number * smallest)[:smallest]
        content = content[:smallest]
        offset = (number - 1) * smallest
        whole = checksum_of(content)
        return UploadPart(key, upload_id, number, offset, content, last, whole)

    # Calls that are several

    async def play(self, house: House, client: int, call: Call) -> None:
        """Do a call that is several requests."""
        verb, *rest = call
        ways: dict[str, Callable[..., Awaitable[None]]]
        ways = {
            "again": self._again,
            "list": self._list,
            "stream": self._stream,
            "upload": self._upload,
        }
        await ways[verb](house, client, *rest)

    async def _list(
        self,
        house: House,
        client: int,
        prefix: str,
        delimiter: str | None,
        limit: int,
        between: Call | None,
    ) -> None:
        cursor: str | None = None
        pages = 0
        before: list[ObjectsState] = house.states
        found: list[Listed] = []
        while True:
            op = List(house.space + prefix, delimiter, cursor, min(limit, self._page))
            page = await house.pipe(client).send(op)
            that(len(page.items) <= limit, f"a page of {limit} has {len(page.items)} lines")
            found += page.items
            cursor, pages = page.cursor, pages + 1
            if cursor is None:
                break
            that(pages < 2000, "a listing does not end")
            if pages == 1 and between is not None:
                await self._meanwhile(house, client, between, found)
        about = f"a listing of {prefix!r} by {delimiter!r} in pages of {limit}"
        keys = [line.key for line in found]
        equal(sorted(set(keys)), keys, f"{about}: each line once, in order")
        was = [_lines(state, house.space + prefix, delimiter) for state in before]

        def fits(state: ObjectsState) -> list[ObjectsState]:
            now = _lines(state, house.space + prefix, delimiter)
            must = now if between is None else {k: v for k, v in now.items() if k in was[0]}
            may = now if between is None else {**was[0], **now}
            equal([], sorted(must.keys() - set(keys)), f"{about}: lines that it leaves out")
            equal([], sorted(set(keys) - may.keys()), f"{about}: lines that should not be")
            if between is None:
                for line in found:
                    state = _agreed(state, line, now[line.key], about)
            return [state]

        house.learn(fits)

    async def _again(self, house: House, client: int, key: str) -> None:
        """Copy an object onto itself."""
        name = house.space + key
        copied = One(Copy(name, name))
        if house.fits(copied):
            await house.do(client, copied)

    async def _meanwhile(self, house: House, client: int, call: Call, found: list[Listed]) -> None:
        if call == LAST:
            if not found or found[-1].is_prefix:
                return
            call = ("delete", found[-1].key[len(house.space) :])
        deed = self.deed(house, call)
        if house.fits(deed):
            await house.do(1 - client, deed)

    async def _stream(
        self,
        house: House,
        client: int,
        key: str,
        span: tuple[int, int | None],
        chunk: int,
        how: int,
    ) -> None:
        """Read by the ways that ask several times."""
        objects = Objects(house.pipe(client))
        state: ObjectsState = house.state
        known = state.blobs.get(house.space + key)
        if known is not None and known.odd:
            return  # what does not meet its checksum is refused to users
        if len(house.states) > 1 or not house.fits(One(Stat(house.space + key))):
            return
        blob, (start, end) = state.blobs.get(house.space + key), span
        try:
            if how == 0:
                parts = objects.stream(house.space + key, start=start, end=end, chunk_bytes=chunk)
                data = b"".join([part async for part in parts])
            elif how == 1:
                data = await objects.download(house.space + key, start=start, end=end)
            else:
                reader_of = objects.open(
                    house.space + key, start=start, end=end, chunk_bytes=chunk, read_ahead=how
                )
                async with reader_of as reader:
                    data = await reader.read()
        except ObjectNotFoundError:
            that(blob is None, f"{key!r} is not found, and it is there")
            return
        equal(None if blob is None else blob.data[start:end], data, f"the stream of {key!r}")

    async def _upload(
        self, house: House, client: int, key: str, data: bytes, kind: Kind, parts: int, at_once: int
    ) -> None:
        """Upload a stream in parts, as users do."""
        smallest, objects = self._smallest, Objects(house.pipe(client))
        limits = house.pipe(client).driver.limits
        begin = One(BeginUpload(house.space + key, *kind))
        largest = min(_LARGEST_PART, limits.part_max_bytes, limits.put_max_bytes)
        if smallest > largest or not house.fits(begin):
            return
        content = b"".join(b"%d+" % n * (smallest // 2) for n in range(parts)) + data
        if len(content) > min(limits.object_max_bytes, limits.parts_max * smallest):
            return

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(content), 50_001):
                yield content[start : start + 50_001]

        version = await objects.upload(
            house.space + key,
            pieces(),
            content_type=kind[0],
            metadata=dict(kind[1]),
            part_bytes=smallest,
            concurrency=at_once,
        )
        blob = Blob(content, *kind)
        about = f"the upload of {key!r}"
        house.learn(lambda one: [one.written(house.space + key, blob, version, about)])

    def removals(self, house: House) -> Iterator[Delete | AbortUpload]:
        states: list[ObjectsState] = house.states
        yield from map(Delete, sorted({key for state in states for key in state.blobs}))
        uploads = {(one.key, id_) for state in states for id_, one in state.uploads.items()}
        for key, upload_id in sorted(uploads):
            yield AbortUpload(key, upload_id)

    async def look(self, house: House, client: int) -> None:
        """Read all that is there, in every way that there is."""
        states: list[ObjectsState] = house.states
        keys = {key for state in states for key in state.seen}
        for number, key in enumerate(sorted({*keys, house.space + "never"})):
            ops = (Stat(key), GetRange(key))
            for op in ops if number % 2 else ops[::-1]:
                await house.do(client, One(op))
        uploads = {pair for state in states for pair in state.ended[-2:]}
        uploads |= {
            (upload_id, one.key) for state in states for upload_id, one in state.uploads.items()
        }
        for upload_id, key in sorted(uploads):
            await house.do(client, One(ListParts(key, upload_id)))
        await self._list(house, client, "", None, 1000, None)


def _agreed(state: ObjectsState, line: Listed, blob: Blob | None, about: str) -> ObjectsState:
    if blob is None:
        told = (line.size_bytes, line.version, line.modified)
        equal((None, None, None), told, f"{about}: the common prefix {line.key!r}")
        return state
    equal(len(blob.data), line.size_bytes, f"{about}: the size of {line.key!r}")
    if blob.written is not None and line.modified is not None:
        good = blob.written[0] <= line.modified <= blob.written[1]
        that(good, f"{about}: {line.key!r} was modified at {line.modified}")
    return state.versioned(line.key, line.version, f"{about}: {line.key!r}")


def _lines(state: ObjectsState, prefix: str, delimiter: str | None) -> dict[str, Blob | None]:
    """The lines of a listing: objects, and ``None`` for common prefixes."""
    found: dict[str, Blob | None] = {}
    for key, blob in state.blobs.items():
        if not key.startswith(prefix):
            continue
        head, cut, _ = key[len(prefix) :].partition(delimiter or "\0\0")
        if delimiter is not None and cut:
            found[prefix + head + cut] = None
        else:
            found[key] = blob
    return found
