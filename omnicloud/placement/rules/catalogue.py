"""The constraints and objectives there are, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

import pluggy

from omnicloud.errors import ConfigurationError
from omnicloud.placement.rules import builtin, hookspecs
from omnicloud.placement.rules.hookspecs import ENTRY_POINT_GROUP, PROJECT
from omnicloud.placement.rules.protocol import Objective, Rule

__all__ = ["Catalogue"]

R = TypeVar("R", Rule, Objective)


@dataclass(frozen=True)
class Catalogue:
    """Every constraint is kept, in this order; objectives count where options name them."""

    rules: tuple[Rule, ...]
    objectives: Mapping[str, Objective]

    @classmethod
    def of(cls, *plugins: object) -> Catalogue:
        """Those of the library and of these plugins.

        Raises:
            ConfigurationError: Two of one name.
        """
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(hookspecs)
        for plugin in (builtin, *plugins):
            manager.register(plugin)
        manager.check_pending()
        # pluggy asks the latest first
        rules = _flat(reversed(manager.hook.placement_rules()))
        objectives = _flat(reversed(manager.hook.placement_objectives()))
        _named_once([rule.name for rule in rules])
        _named_once([objective.name for objective in objectives])
        return cls(tuple(rules), {objective.name: objective for objective in objectives})

    @classmethod
    def discover(cls) -> Catalogue:
        """Those of the library and of all installed distributions.

        Raises:
            ConfigurationError: Two of one name, or a plugin that cannot be imported: its
                constraints would silently not be kept.
        """
        found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda one: one.name)
        return cls.of(*(_loaded(one) for one in found))


def _loaded(found: EntryPoint) -> object:
    try:
        return found.load()
    except Exception as error:
        raise ConfigurationError(
            f"the placement plugin {found.name!r} cannot be imported: {error}",
            hint="mend or uninstall it",
        ) from error


def _flat(answers: Iterable[Sequence[R]]) -> list[R]:
    return [one for answer in answers for one in answer]


def _named_once(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(
            f"placement plugins bring {', '.join(map(repr, twice))} more than once",
            hint="uninstall one of them; every constraint and objective has a name of its own",
        )
