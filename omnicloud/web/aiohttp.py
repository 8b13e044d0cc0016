"""For aiohttp: a cloud that lives with the application, and objects as streamed responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

from aiohttp import web

from omnicloud.cloud import OmniCloud
from omnicloud.contracts.objects import Objects
from omnicloud.errors import ConfigurationError, ObjectNotFoundError
from omnicloud.web.answers import Delivery
from omnicloud.web.delivering import replying

__all__ = ["CLOUD", "cloud_context", "cloud_of", "send_object"]

CLOUD = web.AppKey("omnicloud", OmniCloud)
"""Where the application keeps its cloud."""


def cloud_context(
    config: str | Mapping[str, object] | None = None,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """``app.cleanup_ctx.append(cloud_context())``: a cloud open while the application runs."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with OmniCloud(config) as cloud:
            app[CLOUD] = cloud
            yield

    return context


def cloud_of(request: web.Request) -> OmniCloud:
    """The application's cloud.

    Raises:
        ConfigurationError: The application has no :func:`cloud_context`.
    """
    cloud = request.config_dict.get(CLOUD)
    if cloud is None:
        raise ConfigurationError(
            "the application has no open cloud", hint="app.cleanup_ctx.append(cloud_context())"
        )
    return cloud


async def send_object(
    request: web.Request,
    objects: Objects,
    key: str,
    *,
    filename: str | None = None,
    cache_control: str | None = None,
) -> web.StreamResponse:
    """Answer a request with an object: streamed, with ranges, conditions and HEAD.

    Raises:
        HTTPNotFound: There is no object of that key.
        HTTPMethodNotAllowed: The request is neither GET nor HEAD.
    """
    if request.method not in ("GET", "HEAD"):
        raise web.HTTPMethodNotAllowed(request.method, ("GET", "HEAD"))
    asked = {name.lower(): value for name, value in request.headers.items()}
    how = Delivery(filename, cache_control)
    try:
        async with replying(objects, key, request.method, asked, how) as reply:
            response = web.StreamResponse(status=reply.answer.status, headers=reply.answer.headers)
            await response.prepare(request)
            async for piece in reply.body:
                await response.write(piece)
            await response.write_eof()
            return response
    except ObjectNotFoundError:
        raise web.HTTPNotFound from None
