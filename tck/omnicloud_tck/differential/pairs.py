"""Which providers can be compared, on which contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from omnicloud.registry.discovery import Registry
from omnicloud_tck.differential.subjects import SUBJECTS
from omnicloud_tck.finding import NotFound

__all__ = ["pairs"]


def pairs(
    providers: Sequence[str] = (), contracts: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    """Installed providers that name a world, each with its contracts; all where none are named.

    Raises:
        NotFound: There is no such provider.
    """
    installed = Registry.discover().providers
    for name in providers or tuple(installed):
        if name not in installed:
            raise NotFound(f"no provider {name!r}; installed are: {', '.join(sorted(installed))}")
        provider = installed[name].provider
        for contract in contracts or tuple(SUBJECTS):
            if contract in provider.offers and provider.world:
                yield name, contract
