"""The predictors there are, by name."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points

import pluggy

from omnicloud.errors import ConfigurationError
from omnicloud.placement.forecast import builtin, hookspecs
from omnicloud.placement.forecast.hookspecs import ENTRY_POINT_GROUP, PROJECT
from omnicloud.placement.forecast.predictor import Predictor

__all__ = ["Predictors"]


class Predictors:
    """Those of the library and of plugins, by name.

    Args:
        plugins: Modules or objects with the hook ``forecast_predictors``.

    Raises:
        ConfigurationError: Two of one name.
    """

    def __init__(self, *plugins: object) -> None:
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(hookspecs)
        for plugin in (builtin, *plugins):
            manager.register(plugin)
        manager.check_pending()
        self._by_name: dict[str, Predictor] = {}
        for answer in reversed(manager.hook.forecast_predictors()):  # the latest is asked first
            for predictor in answer:
                self._add(predictor)

    @classmethod
    def discover(cls) -> Predictors:
        """Those of the library and of all installed distributions.

        Raises:
            ConfigurationError: Two of one name.
        """
        found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda one: one.name)
        return cls(*(one.load() for one in found))

    def named(self, name: str) -> Predictor:
        """The predictor of that name.

        Raises:
            ConfigurationError: There is none.
        """
        if name not in self._by_name:
            raise ConfigurationError(
                f"there is no predictor {name!r}", hint=f"there are {', '.join(self._by_name)}"
            )
        return self._by_name[name]

    def __iter__(self) -> Iterator[Predictor]:
        return iter(self._by_name.values())

    def _add(self, predictor: Predictor) -> None:
        if predictor.name in self._by_name:
            raise ConfigurationError(
                f"two plugins bring a predictor {predictor.name!r}", hint="uninstall one of them"
            )
        self._by_name[predictor.name] = predictor
