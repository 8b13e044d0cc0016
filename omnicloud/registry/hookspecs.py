"""The hooks a plugin may implement. They return frozen data and do no work."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from omnicloud.registry.provider import Provider

__all__ = ["ENTRY_POINT_GROUP", "PROJECT", "hookimpl", "hookspec"]

PROJECT = "omnicloud"
ENTRY_POINT_GROUP = "omnicloud.providers"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def omnicloud_providers() -> Sequence[Provider]:
    """The providers that this plugin brings. Called once at start; import no SDK."""
    raise NotImplementedError
