"""An object as an ASGI application: streamed, with ranges, conditions and HEAD."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import anyio

from omnicloud.contracts.objects import Objects
from omnicloud.errors import ObjectNotFoundError
from omnicloud.web.answers import Answer, Delivery
from omnicloud.web.delivering import Reply, replying

__all__ = ["ObjectResponse"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_MISSING = Answer(404, {"content-length": "0"})
_NO_SUCH_METHOD = Answer(405, {"content-length": "0", "allow": "GET, HEAD"})


class ObjectResponse:
    """An ASGI application that answers with one object. At most 3 MiB of it are in memory.

    ::

        async def app(scope, receive, send):
            await ObjectResponse(objects, "report.pdf", filename="report.pdf")(scope, receive, send)

    A missing object is 404. An error after the headers were sent is raised, so that the server
    ends the connection and the client sees that it is cut.

    Args:
        objects: Where it is.
        key: Which it is.
        filename: What a browser saves it as; ``None`` lets it show what it can.
        cache_control: The header of that name.
    """

    def __init__(
        self,
        objects: Objects,
        key: str,
        *,
        filename: str | None = None,
        cache_control: str | None = None,
    ) -> None:
        self._objects = objects
        self._key = key
        self._how = Delivery(filename, cache_control)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["method"] not in ("GET", "HEAD"):
            await _send(_NO_SUCH_METHOD, None, send)
            return
        try:
            async with replying(
                self._objects, self._key, scope["method"], _headers(scope), self._how
            ) as reply:
                await _until_gone(reply, receive, send)
        except ObjectNotFoundError:
            await _send(_MISSING, None, send)


async def _until_gone(reply: Reply, receive: Receive, send: Send) -> None:
    """Send the reply; stop where the client goes away."""
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, receive, group.cancel_scope)
            await _send(reply.answer, reply, send)
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _watch(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _send(answer: Answer, reply: Reply | None, send: Send) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if reply is not None:
        async for piece in reply.body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
