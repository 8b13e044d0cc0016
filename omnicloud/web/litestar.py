"""For Litestar: a cloud in the lifespan, and as a dependency."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State

from omnicloud.cloud import OmniCloud
from omnicloud.errors import ConfigurationError

__all__ = ["cloud_lifespan", "cloud_of"]

_STATE = "omnicloud"


def cloud_lifespan(
    config: str | Mapping[str, object] | None = None,
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """``Litestar(lifespan=[cloud_lifespan()])``: a cloud open while the application runs."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with OmniCloud(config) as cloud:
            app.state[_STATE] = cloud
            yield

    return lifespan


async def cloud_of(state: State) -> OmniCloud:
    """The application's cloud: ``dependencies={"cloud": Provide(cloud_of)}``.

    Raises:
        ConfigurationError: The application has no :func:`cloud_lifespan`.
    """
    cloud = state.get(_STATE)
    if not isinstance(cloud, OmniCloud):
        raise ConfigurationError(
            "the application has no open cloud", hint="Litestar(lifespan=[cloud_lifespan()])"
        )
    return cloud
