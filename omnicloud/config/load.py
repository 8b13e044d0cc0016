"""From sources to a configuration: files, then the environment, then a mapping; the later wins."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import TypeVar

from pydantic import BaseModel

from omnicloud.config.environment import read_environment
from omnicloud.config.files import find_file, read_file
from omnicloud.config.models import (
    DefaultsConfig,
    LayersConfig,
    PolicyConfig,
    ServiceConfig,
)
from omnicloud.config.problems import Origin, Path, Problem, dotted
from omnicloud.config.tree import Tree
from omnicloud.config.validation import checked, unknown_key
from omnicloud.core.names import check_name
from omnicloud.errors import InvalidArgumentError

__all__ = ["EMBEDDED", "SECTIONS", "Configuration", "Service", "gather", "interpret", "load"]

M = TypeVar("M", bound=BaseModel)

SECTIONS = frozenset({"services", "policies", "defaults", "layers", "blocked"})
EMBEDDED = "local"
"""The provider that serves every name where nothing at all is configured."""

ENVELOPE = frozenset(ServiceConfig.model_fields)
"""The keys of a service that are ours; all others are its provider's."""


@dataclass(frozen=True, slots=True)
class Service:
    """One configured service: our part, and its provider's options, not yet validated."""

    name: str
    settings: ServiceConfig
    options: Mapping[str, object]

    @property
    def path(self) -> Path:
        """Where it is configured."""
        return ("services", self.name)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the user said, with the mistakes that can be seen without knowing any provider."""

    services: Mapping[str, Service]
    policies: Mapping[str, PolicyConfig]
    defaults: DefaultsConfig
    layers: LayersConfig
    blocked: frozenset[str]
    tree: Tree
    problems: tuple[Problem, ...] = ()


def load(
    config: str | os.PathLike[str] | Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    directory: FilePath | None = None,
) -> Configuration:
    """The configuration of a program.

    Args:
        config: A file's path: that file and the environment. A mapping: that alone. ``None``:
            the file that :func:`~omnicloud.config.files.find_file` finds and the environment;
            where neither says a service or a default, every name is served by ``local``.
        environ: The environment; the process's own by default.
        directory: Where to begin looking; the working directory by default.

    Raises:
        InvalidArgumentError: ``config`` is neither.
    """
    if isinstance(config, Mapping):
        return interpret(*gather(mapping=config))
    if config is not None and not isinstance(config, str | os.PathLike):
        raise InvalidArgumentError(
            f"a configuration is a file's path or a mapping, not {type(config).__name__}",
            hint='OmniCloud("omnicloud.toml"), or OmniCloud({"services": {…}})',
        )
    environ = os.environ if environ is None else environ
    file = FilePath(config) if config is not None else None
    file = file or find_file(directory or FilePath.cwd(), environ)
    tree, problems = gather(file=file, environ=environ)
    if file is None and not tree.at(("services",)) and not tree.at(("defaults", "provider")):
        tree = Tree.said({"defaults": {"provider": EMBEDDED}}, Origin("the default")).over(tree)
    return interpret(tree, problems)


def gather(
    *,
    file: FilePath | None = None,
    environ: Mapping[str, str] | None = None,
    mapping: Mapping[str, object] | None = None,
) -> tuple[Tree, list[Problem]]:
    """The values of all sources given, the later over the earlier, and what is unreadable."""
    tree, problems = read_file(file) if file is not None else (Tree(), [])
    if environ is not None:
        said, unread = read_environment(environ, tree, SECTIONS)
        tree, problems = said.over(tree), [*problems, *unread]
    if mapping is not None:
        tree = Tree.said(mapping, Origin("mapping")).over(tree)
    return tree, problems


def interpret(tree: Tree, problems: list[Problem]) -> Configuration:
    """The configuration that the values are; mistakes are kept beside what is right."""
    found = list(problems)
    found += [unknown_key((name,), SECTIONS, tree) for name in tree.values if name not in SECTIONS]
    defaults = _section(DefaultsConfig, ("defaults",), tree, found)
    services = {
        name: _service(name, tree, defaults, found) for name in _tables(("services",), tree, found)
    }
    policies = {
        name: _section(PolicyConfig, ("policies", name), tree, found)
        for name in _tables(("policies",), tree, found)
    }
    return Configuration(
        services,
        policies,
        defaults,
        _section(LayersConfig, ("layers",), tree, found),
        _blocked(tree, found),
        tree,
        tuple(found),
    )


def _service(name: str, tree: Tree, defaults: DefaultsConfig, found: list[Problem]) -> Service:
    path: Path = ("services", name)
    found += _wrong_name(name, tree)
    if not isinstance(tree.at(path), Mapping):
        _table(path, tree, found)
        return Service(name, ServiceConfig(), {})
    values = _table(path, tree, found)
    ours = {key: value for key, value in values.items() if key in ENVELOPE}
    options = {key: value for key, value in values.items() if key not in ENVELOPE}
    settings, wrong = checked(ServiceConfig, ours, path, tree)
    found += wrong
    needed = ("contract",) if defaults.provider else ("contract", "provider")
    found += [_missing(path, key, options, tree) for key in needed if key not in ours]
    return Service(name, settings, options)


def _wrong_name(name: str, tree: Tree) -> list[Problem]:
    try:
        check_name(name, "the service's name")
    except InvalidArgumentError as error:
        path: Path = ("services", name)
        return [Problem(dotted(path), error.message, error.hint or "", tree.origin(path))]
    return []


def _missing(path: Path, key: str, others: Iterable[str], tree: Tree) -> Problem:
    example = {"contract": 'contract = "kv"', "provider": 'provider = "local"'}[key]
    misspelt = get_close_matches(key, others, n=1, cutoff=0.75)
    hint = f"rename {misspelt[0]!r} to {key!r}" if misspelt else f"add {example}"
    origin = tree.origin((*path, *misspelt))
    return Problem(dotted((*path, key)), "is missing", hint, origin)


def _section(model: type[M], path: Path, tree: Tree, found: list[Problem]) -> M:
    section, wrong = checked(model, _table(path, tree, found), path, tree)
    found += wrong
    return section


def _tables(path: Path, tree: Tree, found: list[Problem]) -> list[str]:
    return list(_table(path, tree, found))


def _table(path: Path, tree: Tree, found: list[Problem]) -> Mapping[str, object]:
    value = tree.at(path)
    if isinstance(value, Mapping):
        return value
    if value is not None:
        found.append(
            Problem(dotted(path), "must be a table", f"write [{dotted(path)}]", tree.origin(path))
        )
    return {}


def _blocked(tree: Tree, found: list[Problem]) -> frozenset[str]:
    value = tree.at(("blocked",))
    if value is None:
        return frozenset()
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return frozenset(value)
    hint = 'write blocked = ["redis"]'
    found.append(
        Problem("blocked", "must be a list of provider names", hint, tree.origin(("blocked",)))
    )
    return frozenset()
