"""objects drivers that are odd at times: kinds that were drawn by machine, found by no law."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.crowding import asked_of
from broken.registry import broken
from omnicloud.contracts.objects.driver import Copy, GetRange, List, Put, Stat
from omnicloud.contracts.objects.models import Chunk, ObjectInfo, ObjectPage
from omnicloud.memory.objects import MemoryObjects
from omnicloud_tck.objects import ObjectsContract


def objects(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-OB-{number}", tier, summary, ObjectsContract)


class Counting(MemoryObjects):
    """Knows how many calls there are, and how many there were of each key."""

    async def put(self, op: Put, /) -> str:
        with asked_of(self._store).about(op.key):
            return await super().put(op)

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        with asked_of(self._store).about(op.key):
            return await super().stat(op)

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        with asked_of(self._store).about(op.key):
            return await super().get_range(op)


@objects("01", "T2", "a copy heeds no condition where more than 16 calls are under way")
class HeedlessInACrowd(Counting):
    """A condition that is looked up in a pool that has no more connections."""

    async def copy(self, op: Copy, /) -> str:
        many = asked_of(self._store).now > 16
        return await super().copy(replace(op, if_version=None, if_absent=False) if many else op)


@objects("02", "T1", "of an object that was asked for 256 times the facts are those of before")
class Worn(Counting):
    """A number that is kept in one byte."""

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        told = await super().stat(op)
        often = asked_of(self._store).times[op.key] >= 256
        return replace(told, content_type="application/octet-stream") if often and told else told


@objects("03", "T1", "a range heeds no version where the key is beyond the basic plane")
class AnyVersion(MemoryObjects):
    """A header that is left out with others that cannot be sent."""

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        beyond = max(op.key) > "\uffff"
        return await super().get_range(replace(op, if_version=None) if beyond else op)


@objects("04", "T1", "a listing heeds no delimiter where its prefix begins with a digit")
class NoDelimiter(MemoryObjects):
    """A number, where a text was to be quoted."""

    async def list(self, op: List, /) -> ObjectPage:
        digit = op.prefix.rpartition("/")[2][:1].isdigit()
        return await super().list(replace(op, delimiter=None) if digit else op)


@objects("05", "T1", "of notes the first 32 are kept")
class FewNotes(MemoryObjects):
    """A service that says so, in a place that its driver does not read."""

    async def put(self, op: Put, /) -> str:
        return await super().put(replace(op, metadata=op.metadata[:32]))


@objects("06", "T1", "a range goes to the end where the key has a question in it")
class ToTheEnd(MemoryObjects):
    """A key that was not escaped: what follows it is taken for the query."""

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await super().get_range(replace(op, end=None) if "?" in op.key else op)
