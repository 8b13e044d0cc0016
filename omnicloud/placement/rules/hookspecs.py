"""The hooks of plugins that bring constraints and objectives."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from omnicloud.placement.rules.protocol import Objective, Rule

__all__ = ["ENTRY_POINT_GROUP", "PROJECT", "hookimpl", "hookspec"]

PROJECT = "omnicloud.placement"
ENTRY_POINT_GROUP = "omnicloud.placement"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def placement_rules() -> Sequence[Rule]:
    """The constraints that this plugin brings."""
    raise NotImplementedError


@hookspec
def placement_objectives() -> Sequence[Objective]:
    """The objectives that this plugin brings."""
    raise NotImplementedError
