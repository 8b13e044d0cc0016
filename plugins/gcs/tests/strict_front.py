"""A server before the emulator that honours the conditions which the emulator ignores.

It does what the service documents: conditions on deletions, reads, copies and compositions, and
on the sources of the last two. One request at a time, so that looking and writing are one, and
no content is read while it is written, which the emulator allows. Run as a program:
``strict_front.py PORT EMULATOR_PORT``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from urllib.parse import quote

import aiohttp
from aiohttp import web
from yarl import URL

_OBJECTS = "/o/"
_MATCH, _SOURCE = "ifGenerationMatch", "ifSourceGenerationMatch"
_REFUSAL = {"error": {"code": 412, "errors": [{"reason": "conditionNotMet"}], "message": "no"}}
_MOST_BYTES = 1 << 30


class Front:
    """Passes requests on if their conditions hold."""

    def __init__(self, emulator: str, session: aiohttp.ClientSession) -> None:
        self._emulator = emulator
        self._session = session
        self._one = asyncio.Lock()

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one request."""
        async with self._one:
            return await self._judged(request)

    async def _judged(self, request: web.Request) -> web.Response:
        body = await request.read()
        for path, expected in conditions(request, body):
            if await self._generation(path) != expected:
                return web.json_response(_REFUSAL, status=412)
        status, headers, content = await self._asked(request, body)
        kept = {name: value for name, value in headers.items() if name.lower().startswith("x-goog")}
        for name in ("Content-Type", "Content-Range"):
            if name in headers:
                kept[name] = headers[name]
        return web.Response(status=status, headers=kept, body=content)

    async def _generation(self, path: str) -> str:
        async with self._session.get(URL(self._emulator + path, encoded=True)) as answer:
            return str((await answer.json())["generation"]) if answer.status == 200 else "0"

    async def _asked(self, request: web.Request, body: bytes) -> tuple[int, dict[str, str], bytes]:
        url = URL(self._emulator + request.raw_path, encoded=True)
        sent = {
            name: request.headers[name]
            for name in ("Content-Type", "Range")
            if name in request.headers
        }
        async with self._session.request(
            request.method, url, headers=sent, data=body or None
        ) as answer:
            return answer.status, dict(answer.headers), await answer.read()


def conditions(request: web.Request, body: bytes) -> Iterator[tuple[str, str]]:
    """The objects whose generation a request names, with that generation."""
    path = request.raw_path.partition("?")[0]
    if path.startswith("/upload"):
        return  # these the emulator honours
    target, source = path, path
    if "/rewriteTo/" in path:
        source, _, rest = path.partition("/rewriteTo")
        target = f"/storage/v1{rest}"
    elif path.endswith("/compose"):
        target = path.removesuffix("/compose")
        folder = target[: target.rindex(_OBJECTS)] + _OBJECTS
        for one in json.loads(body)["sourceObjects"]:
            expected = one.get("objectPreconditions", {}).get(_MATCH)
            if expected is not None:
                yield folder + quote(one["name"], safe=""), expected
    for name, of in ((_MATCH, target), (_SOURCE, source)):
        if name in request.query:
            yield of, request.query[name]


async def main(port: int, emulator: int) -> None:
    """Serve until killed."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        application = web.Application(client_max_size=_MOST_BYTES)
        front = Front(f"http://127.0.0.1:{emulator}", session)
        application.router.add_route("*", "/{rest:.*}", front.serve)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
