"""For FastAPI and Starlette: a cloud in the lifespan, as a dependency, and objects as responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from omnicloud.cloud import OmniCloud
from omnicloud.contracts.objects import Objects
from omnicloud.errors import ConfigurationError
from omnicloud.web import asgi

__all__ = ["ObjectResponse", "cloud_lifespan", "cloud_of"]

_STATE = "omnicloud"


def cloud_lifespan(
    config: str | Mapping[str, object] | None = None,
) -> Callable[[Any], AbstractAsyncContextManager[Mapping[str, OmniCloud]]]:
    """``FastAPI(lifespan=cloud_lifespan())``: a cloud that is open while the application runs.

    A lifespan of your own may enter it, and add what it yields to its own state.
    """

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[Mapping[str, OmniCloud]]:
        async with OmniCloud(config) as cloud:
            yield {_STATE: cloud}

    return lifespan


async def cloud_of(connection: HTTPConnection) -> OmniCloud:
    """The application's cloud: ``cloud: Annotated[OmniCloud, Depends(cloud_of)]``.

    Raises:
        ConfigurationError: The application has no :func:`cloud_lifespan`.
    """
    cloud = getattr(connection.state, _STATE, None)
    if not isinstance(cloud, OmniCloud):
        raise ConfigurationError(
            "the application has no open cloud", hint="FastAPI(lifespan=cloud_lifespan())"
        )
    return cloud


class ObjectResponse(Response):
    """An object as a response, as :class:`omnicloud.web.ObjectResponse` says."""

    def __init__(
        self,
        objects: Objects,
        key: str,
        *,
        filename: str | None = None,
        cache_control: str | None = None,
    ) -> None:
        super().__init__()
        self._answer = asgi.ObjectResponse(
            objects, key, filename=filename, cache_control=cache_control
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)
        if self.background is not None:
            await self.background()
