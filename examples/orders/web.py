"""Orders over HTTP, one or many in a request; the answer is given once they are stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from aiohttp import web

from omnicloud import OmniCloud

from .fulfilment import open_shop
from .intake import Answer, take_orders
from .model import BadOrderError, Order, parsed

__all__ = ["MOST_ORDERS", "application", "run_web"]

MOST_ORDERS = 500
"""In one request."""

_CLOUD = web.AppKey("cloud", OmniCloud)
_CODES = {Answer.TAKEN: 201, Answer.DUPLICATE: 200, Answer.DIFFERENT: 409}


async def run_web(cloud: OmniCloud, port: int) -> None:
    """Serve on 127.0.0.1 until cancelled."""
    await open_shop(cloud)
    runner = web.AppRunner(application(cloud), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def application(cloud: OmniCloud) -> web.Application:
    """The routes, over a cloud that is open."""
    app = web.Application()
    app[_CLOUD] = cloud
    app.router.add_get("/health", _health)
    app.router.add_post("/orders", _one)
    app.router.add_post("/orders/bulk", _many)
    app.router.add_get("/orders/{key}", _look)
    return app


async def _health(request: web.Request) -> web.Response:
    states = await request.app[_CLOUD].health()
    well = all(one.healthy for one in states)
    return web.json_response({"well": well}, status=200 if well else 503)


async def _one(request: web.Request) -> web.Response:
    """One order, whose key is the header Idempotency-Key."""
    try:
        order = parsed(request.headers.get("Idempotency-Key"), await _body(request))
    except BadOrderError as error:
        return _refused(str(error))
    (answer,) = await take_orders(request.app[_CLOUD], [order])
    return web.json_response({"key": order.key, "answer": answer}, status=_CODES[answer])


async def _many(request: web.Request) -> web.Response:
    """A list of orders, each with its own key; all that are new are taken together."""
    try:
        orders = _orders(await _body(request))
    except BadOrderError as error:
        return _refused(str(error))
    answers = await take_orders(request.app[_CLOUD], orders)
    return web.json_response([str(answer) for answer in answers])


async def _look(request: web.Request) -> web.Response:
    found = (
        await request.app[_CLOUD]
        .documents("orders")
        .find_one("orders", {"_id": request.match_info["key"]})
    )
    if found is None:
        return web.json_response({"error": "there is no such order"}, status=404)
    return web.json_response(found)


async def _body(request: web.Request) -> object:
    try:
        body: object = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise BadOrderError("the body is not JSON") from None
    return body


def _orders(body: object) -> Sequence[Order]:
    if not isinstance(body, list) or not 0 < len(body) <= MOST_ORDERS:
        raise BadOrderError(f"the body must be a list of 1 to {MOST_ORDERS} orders")
    return [parsed(one.get("key") if isinstance(one, dict) else None, one) for one in body]


def _refused(why: str) -> web.Response:
    return web.json_response({"error": why}, status=400)
