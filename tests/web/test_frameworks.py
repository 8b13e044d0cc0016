"""Objects as responses, and the cloud as a dependency, in each framework."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from fastapi import Depends, FastAPI
from litestar import Litestar, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from litestar.types import ASGIApp

from omnicloud import OmniCloud
from omnicloud.errors import ConfigurationError, UnavailableError
from omnicloud.web import ObjectResponse, aiohttp, fastapi, litestar

CONFIG = {"services": {"files": {"contract": "objects", "provider": "memory"}}}
CONTENT = os.urandom(3 << 20)


async def stored(cloud: OmniCloud) -> None:
    await cloud.objects("files").upload("k", CONTENT, content_type="text/x")


def of_fastapi() -> Any:
    lifespan = fastapi.cloud_lifespan(CONFIG)

    @asynccontextmanager
    async def filled(app: Any) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            await stored(state["omnicloud"])
            yield state

    app = FastAPI(lifespan=filled)

    @app.get("/{key}")
    async def read(
        key: str, cloud: Annotated[OmniCloud, Depends(fastapi.cloud_of)]
    ) -> fastapi.ObjectResponse:
        return fastapi.ObjectResponse(cloud.objects("files"), key, filename="a.bin")

    return app


def of_litestar() -> Any:
    @get("/{key:str}", dependencies={"cloud": Provide(litestar.cloud_of)})
    async def read(key: FromPath[str], cloud: NamedDependency[OmniCloud]) -> ASGIApp:
        return ObjectResponse(cloud.objects("files"), key, filename="a.bin")

    async def fill(app: Litestar) -> None:
        await stored(app.state["omnicloud"])

    return Litestar([read], lifespan=[litestar.cloud_lifespan(CONFIG)], on_startup=[fill])


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The application with its lifespan, as a server runs it."""
    from asyncio import Queue, create_task

    to_app: Queue[Any] = Queue()
    from_app: Queue[Any] = Queue()
    state: dict[str, Any] = {}
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}
    running = create_task(app(scope, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"

    async def with_state(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": dict(state)}, receive, send)

    transport = httpx.ASGITransport(with_state)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await running


@pytest.mark.parametrize("make", [of_fastapi, of_litestar])
async def test_an_object_is_a_response(make: Callable[[], Any]) -> None:
    async with served(make()) as client:
        whole = await client.get("/k")
        assert (whole.status_code, whole.content) == (200, CONTENT)
        assert whole.headers["content-type"] == "text/x"
        assert whole.headers["content-disposition"] == 'attachment; filename="a.bin"'
        part = await client.get("/k", headers={"range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, CONTENT[5:10])
        again = await client.get("/k", headers={"if-none-match": whole.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.get("/none")).status_code == 404


async def test_an_object_is_a_response_of_aiohttp() -> None:
    async def read(request: web.Request) -> web.StreamResponse:
        objects = aiohttp.cloud_of(request).objects("files")
        return await aiohttp.send_object(request, objects, request.match_info["key"])

    async def fill(app: web.Application) -> None:
        await stored(app[aiohttp.CLOUD])

    app = web.Application()
    app.cleanup_ctx.append(aiohttp.cloud_context(CONFIG))
    app.on_startup.append(fill)
    app.router.add_get("/{key}", read)
    app.router.add_post("/{key}", read)
    async with TestClient(TestServer(app)) as client:
        whole = await client.get("/k")
        assert (whole.status, await whole.read()) == (200, CONTENT)
        part = await client.get("/k", headers={"range": "bytes=-3"})
        assert (part.status, await part.read()) == (206, CONTENT[-3:])
        head = await client.head("/k")
        assert (head.headers["content-length"], await head.read()) == (str(len(CONTENT)), b"")
        assert (await client.get("/none")).status == 404
        assert (await client.post("/k")).status == 405


async def test_without_a_cloud_it_says_how_to_have_one() -> None:
    app = web.Application()

    async def read(request: web.Request) -> web.Response:
        with pytest.raises(ConfigurationError, match="cloud_context"):
            aiohttp.cloud_of(request)
        return web.Response()

    app.router.add_get("/", read)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/")).status == 200


async def answered(
    response: ObjectResponse, *, method: str = "GET", gone: bool = False
) -> list[dict[str, Any]]:
    sent: list[Any] = []
    started = False

    async def receive() -> dict[str, Any]:
        nonlocal started
        if gone and started:
            return {"type": "http.disconnect"}
        if not started:
            started = True
            return {"type": "http.request", "body": b"", "more_body": False}
        import anyio

        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Any) -> None:
        import anyio

        sent.append(message)
        await anyio.sleep(0.01)

    await response({"type": "http", "method": method, "headers": []}, receive, send)
    return sent


async def test_only_get_and_head_are_answered() -> None:
    async with OmniCloud(CONFIG) as cloud:
        await stored(cloud)
        response = ObjectResponse(cloud.objects("files"), "k")
        assert (await answered(response, method="POST"))[0]["status"] == 405
        head = await answered(response, method="HEAD")
        assert [one.get("body") for one in head[1:]] == [b""]


async def test_nothing_is_read_for_a_client_that_went_away() -> None:
    async with OmniCloud(CONFIG) as cloud:
        await stored(cloud)
        sent = await answered(ObjectResponse(cloud.objects("files"), "k"), gone=True)
        assert sum(len(one.get("body", b"")) for one in sent) < len(CONTENT)
        assert all(one.get("more_body", True) for one in sent)


async def test_an_error_in_the_middle_is_raised_so_that_the_answer_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with OmniCloud(CONFIG) as cloud:
        await stored(cloud)
        objects = cloud.objects("files")
        driver = objects.pipeline.driver
        get_range, calls = type(driver).get_range, []

        async def flaky(self: Any, op: Any, /) -> Any:
            calls.append(op)
            if len(calls) > 2:
                raise UnavailableError("gone")
            return await get_range(self, op)

        monkeypatch.setattr(type(driver), "get_range", flaky)
        with pytest.raises(UnavailableError):
            await answered(ObjectResponse(objects, "k"))
