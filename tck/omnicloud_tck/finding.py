"""Finds the provider that a command names: by its name, or by where it is in a package."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from omnicloud.registry.discovery import Registry
from omnicloud.registry.known import how_to_install
from omnicloud.registry.provider import Provider

__all__ = ["NotFound", "found"]


class NotFound(Exception):  # noqa: N818 - said of a name
    """There is no such provider; says what there is instead."""


def found(name: str) -> Provider:
    """The provider of that name, or at ``package.module:ATTRIBUTE``.

    The attribute is a :class:`Provider`, or is called without arguments for one: a class, a
    function, or the hook that answers a list of one.

    Raises:
        NotFound: There is none, or it is no provider.
    """
    return _attribute(name) if ":" in name else _registered(name)


def _registered(name: str) -> Provider:
    providers = Registry.discover().providers
    if name not in providers:
        hint = how_to_install(name) or "one that is not installed is package.module:ATTRIBUTE"
        raise NotFound(
            f"no provider {name!r}; installed are: {', '.join(sorted(providers))}; {hint}"
        )
    installed = providers[name]
    known = installed.provider
    return known if known.distribution else replace(known, distribution=installed.distribution)


def _attribute(name: str) -> Provider:
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:  # a command, unlike `python -m`, does not look where it is run
        sys.path.append(here)
    try:
        value: object = getattr(importlib.import_module(module), attribute)
        if callable(value):
            value = value()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise NotFound(f"{name}: {error}") from error
    return _provider(name, value)


def _provider(name: str, value: object) -> Provider:
    if isinstance(value, Iterable) and not isinstance(value, str):
        several = list(value)
        value = several[0] if len(several) == 1 else several
    if not isinstance(value, Provider):
        raise NotFound(f"{name} is a {type(value).__name__}, not an omnicloud Provider")
    return value
