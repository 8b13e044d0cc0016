"""An object, opened as it is to be answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from omnicloud.contracts.objects import Objects
from omnicloud.errors import ConflictError
from omnicloud.web.answers import Answer, Delivery, answer_to

__all__ = ["Reply", "replying"]

_CHUNK_BYTES = 1 << 20
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and its body, piece by piece."""

    answer: Answer
    body: AsyncIterator[bytes]


@asynccontextmanager
async def replying(
    objects: Objects, key: str, method: str, asked: Mapping[str, str], how: Delivery
) -> AsyncIterator[Reply]:
    """The reply to a request, whose headers and body are of one version of the object.

    Raises:
        ObjectNotFoundError: There is no object.
        ConflictError: It is written again and again; or meanwhile, raised by the body.
    """
    for _ in range(_ATTEMPTS):
        info = await objects.stat(key)
        answer = answer_to(method, asked, info, how)
        if answer.start >= answer.end:
            yield Reply(answer, _nothing())
            return
        async with objects.open(
            key, start=answer.start, end=answer.end, chunk_bytes=_CHUNK_BYTES
        ) as reader:
            if reader.info.version == info.version:
                yield Reply(answer, aiter(reader))
                return
    raise ConflictError("the object is written faster than it can be opened")


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece
