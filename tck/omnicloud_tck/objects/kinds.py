"""The law of objects about what kind of content they say they are."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.objects import Objects
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["KindLaws"]

_KINDS = (
    *("text/html", "text/plain", "text/csv", "TEXT/HTML", "text/html;charset=UTF-8"),
    *('text/plain; charset="utf-8"', "text/javascript; Charset=latin1", "text/xml"),
    *("application/json", "application/xml", "application/x-www-form-urlencoded", "image/PNG"),
    *("application/vnd.acme+json; version=1", "binary/octet-stream", "application/gzip"),
)
_REAL = 4
_CONTENTS = (b"", b"<html></html>", b'{"a": 1}')
_ENDINGS = (".html", ".json", "")


class KindLaws(Contract):
    """A content type is told as it was given."""

    @law(
        "OBJ-135",
        "A content type stays as it was given, whatever the name and the content look like, on "
        "every way in.",
    )
    async def kinds_are_kept(self, world: World[Any]) -> None:
        one, two = Objects(await world.pipeline()), Objects(await world.pipeline())
        kinds = self.random.sample(_KINDS, len(_KINDS) if world.virtual else _REAL)
        for number, kind in enumerate(kinds):
            content = _CONTENTS[number % len(_CONTENTS)]
            whole, parts, copy = (
                f"{way}-{number}{_ENDINGS[number % len(_ENDINGS)]}"
                for way in ("whole", "parts", "copy")
            )
            await one.upload(whole, content, content_type=kind)
            notes = {"note": "x"} if number % 2 else None
            upload_id = await one.begin_upload(parts, content_type=kind, metadata=notes)
            await one.upload(parts, content, upload_id=upload_id)
            await one.copy(whole, copy)
            for key in (whole, parts, copy):
                equal(kind, (await two.stat(key)).content_type, f"the content type of {key!r}")
