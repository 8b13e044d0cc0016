"""The law of writers that race for one unique value."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import AlreadyExistsError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["RacingLaws"]

_WAYS = ("insert", "update", "replace", "upsert", "put")


class RacingLaws(Contract):
    """A unique index, where writers meet."""

    @law(
        "DOC-137",
        "Of two writers that take one unique value at once, in whatever way, one has it.",
        needs=[DocumentsFeature.INDEX],
        rung=Rung.CONCURRENCY,
    )
    async def one_writer_has_the_value(self, world: World[Any]) -> None:
        one, two = Documents(await world.pipeline()), Documents(await world.pipeline())
        await one.create_index("c", "u", unique=True)
        for number, ways in enumerate(itertools.product(_WAYS, _WAYS)):
            value = f"value-{number}"
            calls = []
            for documents, way, side in zip((one, two), ways, ("a", "b"), strict=True):
                id_ = f"{number}-{side}"
                if way in ("update", "replace"):
                    await documents.insert_one("c", {"_id": id_, "u": f"{value}-{side}"})
                calls.append(_write(documents, way, id_, value))
            answers = await asyncio.gather(*calls, return_exceptions=True)
            lost = [answer for answer in answers if isinstance(answer, BaseException)]
            refused = all(isinstance(answer, AlreadyExistsError) for answer in lost)
            that(refused and len(lost) == 1, f"{ways} of one unique value at once: {lost!r:.200}")
            equal(1, await two.count("c", {"u": value}), f"documents of it, after {ways}")


def _write(documents: Documents, way: str, id_: str, value: str) -> Awaitable[object]:
    by, fields = {"_id": id_}, {"u": value}
    if way == "insert":
        return documents.insert_one("c", by | fields)
    if way in ("update", "upsert"):
        return documents.update_one("c", by, {"$set": fields}, upsert=way == "upsert")
    return documents.replace_one("c", by, fields, upsert=way == "put")
