"""Finding the providers that are installed: validated, each name once, one bad plugin no harm."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

import pluggy

from omnicloud.registry import hookspecs
from omnicloud.registry.hookspecs import ENTRY_POINT_GROUP, PROJECT
from omnicloud.registry.provider import Offer, Provider

__all__ = ["Installed", "PluginFailure", "Registry"]


@dataclass(frozen=True, slots=True)
class Installed:
    """A provider and the distribution that brought it.

    Attributes:
        version: Of the distribution; empty for a plugin that was handed over by the program.
    """

    provider: Provider
    distribution: str
    version: str = ""

    @property
    def title(self) -> str:
        """``"omnicloud-redis 0.1.0"``."""
        return f"{self.distribution} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """A plugin that was left out, and why. ``names`` are the providers it might have brought."""

    plugin: str
    distribution: str
    reason: str
    names: frozenset[str] = frozenset()
    cause: BaseException | None = None

    def __str__(self) -> str:
        return f"the plugin {self.plugin!r} of {self.distribution} was left out: {self.reason}"


@dataclass(frozen=True, slots=True)
class Registry:
    """The providers there are, by name, and the plugins that were left out."""

    providers: Mapping[str, Installed]
    failures: tuple[PluginFailure, ...] = ()
    blocked: frozenset[str] = frozenset()

    @classmethod
    def discover(cls, *, blocked: Collection[str] = (), plugins: Iterable[object] = ()) -> Registry:
        """The providers of all installed distributions, and of ``plugins``.

        Args:
            blocked: Names of plugins that are not imported and of providers that are not used.
            plugins: Modules or objects with hook implementations, besides those installed.
        """
        finder = _Finder(frozenset(blocked))
        for entry_point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: e.name):
            finder.add_entry_point(entry_point)
        for plugin in plugins:
            finder.add(plugin, _name_of(plugin), "the program")
        return finder.found()

    @classmethod
    def of(cls, *plugins: object, blocked: Collection[str] = ()) -> Registry:
        """The providers of these plugins and no others."""
        finder = _Finder(frozenset(blocked))
        for plugin in plugins:
            finder.add(plugin, _name_of(plugin), "the program")
        return finder.found()

    def failure(self, name: str) -> PluginFailure | None:
        """Why the provider of that name is not there, where a plugin of the name failed."""
        return next((one for one in self.failures if name in one.names), None)

    def without(self, blocked: Collection[str]) -> Registry:
        """The same, less some providers."""
        kept = {name: one for name, one in self.providers.items() if name not in blocked}
        return Registry(kept, self.failures, self.blocked | frozenset(blocked))


class _Finder:
    def __init__(self, blocked: frozenset[str]) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._blocked = blocked
        self._failures: list[PluginFailure] = []
        self._brought: dict[str, list[Installed]] = {}
        for name in blocked:
            self._manager.set_blocked(name)

    def add_entry_point(self, entry_point: EntryPoint) -> None:
        name = entry_point.name
        distribution = entry_point.dist.name if entry_point.dist else "an unknown distribution"
        version = entry_point.dist.version if entry_point.dist else ""
        if self._manager.is_blocked(name):
            return
        try:
            plugin = entry_point.load()
        except Exception as error:  # noqa: BLE001 - a vendor's import may raise anything
            reason = f"its import failed with {type(error).__name__}: {error}"
            self._fail(name, distribution, reason, error)
        else:
            self.add(plugin, name, distribution, version)

    def add(self, plugin: object, name: str, distribution: str, version: str = "") -> None:
        if self._manager.is_blocked(name):
            return
        try:
            providers = self._registered(plugin, name)
        except Exception as error:  # noqa: BLE001 - a vendor's hook may raise anything
            self._fail(name, distribution, f"{type(error).__name__}: {error}", error)
            return
        for provider in providers:
            installed = Installed(provider, distribution, version)
            self._brought.setdefault(provider.name, []).append(installed)

    def found(self) -> Registry:
        for name, rivals in self._brought.items():
            if len(rivals) > 1:
                self._refuse(name, rivals)
        kept = {
            name: rivals[0]
            for name, rivals in sorted(self._brought.items())
            if len(rivals) == 1 and name not in self._blocked
        }
        return Registry(kept, tuple(self._failures), self._blocked)

    def _registered(self, plugin: object, name: str) -> list[Provider]:
        self._manager.register(plugin, name)
        try:
            self._manager.check_pending()
            return self._providers(plugin, name)
        except Exception:
            self._manager.unregister(plugin)
            raise

    def _providers(self, plugin: object, name: str) -> list[Provider]:
        impls = [
            impl
            for impl in self._manager.hook.omnicloud_providers.get_hookimpls()
            if impl.plugin is plugin
        ]
        if not impls:
            raise TypeError(f"{name} has no @hookimpl omnicloud_providers()")
        return [provider for impl in impls for provider in _valid(impl.function())]

    def _refuse(self, name: str, rivals: list[Installed]) -> None:
        titles = " and ".join(sorted(rival.title for rival in rivals))
        reason = f"the provider {name!r} is brought by {titles}; uninstall or block one of them"
        self._fail(name, titles, reason)

    def _fail(
        self, name: str, distribution: str, reason: str, cause: BaseException | None = None
    ) -> None:
        self._failures.append(PluginFailure(name, distribution, reason, frozenset({name}), cause))


def _valid(answer: object) -> list[Provider]:
    if not isinstance(answer, Sequence):
        raise TypeError(f"omnicloud_providers() gave a {type(answer).__name__}, not a sequence")
    for provider in answer:
        if not isinstance(provider, Provider):
            kind = type(provider).__name__
            raise TypeError(f"omnicloud_providers() gave a {kind}, not a Provider")
        _check(provider)
    return list(answer)


def _check(provider: Provider) -> None:
    if not provider.name or ":" not in provider.config:
        raise TypeError(f"the provider {provider.name!r} needs a name and config='module:Model'")
    for contract, offer in provider.offers.items():
        if not isinstance(offer, Offer) or ":" not in offer.opens:
            where = f"{provider.name}: the offer of {contract}"
            raise TypeError(f"{where} needs opens='module:function'")


def _name_of(plugin: object) -> str:
    return str(getattr(plugin, "__name__", None) or type(plugin).__name__)
