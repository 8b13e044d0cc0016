"""Which service keeps a referenced secret, and in which order services must be opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from omnicloud.config.load import Configuration
from omnicloud.config.problems import Path, Problem, did_you_mean, dotted
from omnicloud.config.secret_refs import SCHEME, SecretRef, references

__all__ = ["CONTRACT", "keepers", "opening_order", "resolved"]

CONTRACT = "secrets"


def keepers(config: Configuration) -> list[str]:
    """The configured services that keep secrets."""
    return [name for name, one in config.services.items() if one.settings.contract == CONTRACT]


def resolved(
    config: Configuration, options: Mapping[str, object], path: Path
) -> tuple[tuple[tuple[Path, SecretRef], ...], list[Problem]]:
    """The references among some options with their services, and what is wrong with them."""
    good: list[tuple[Path, SecretRef]] = []
    problems: list[Problem] = []
    for inner, ref in references(options):
        answer = _kept(config, ref)
        if isinstance(answer, SecretRef):
            good.append((inner, answer))
        else:
            where = (*path, *inner)
            message, hint = answer
            problems.append(Problem(dotted(where), message, hint, config.tree.origin(where)))
    return tuple(good), problems


def _kept(config: Configuration, ref: SecretRef) -> SecretRef | tuple[str, str]:
    """The reference with its service, or what is wrong with it and how to mend it."""
    known = keepers(config)
    if not ref.name or ref.service == "":
        form = f'write "{SCHEME}name" or "{SCHEME}service/name"'
        return f"the reference {str(ref)!r} lacks a name", form
    service = ref.service or config.defaults.secrets
    if service is not None:
        if service in known or (service not in config.services and config.defaults.provider):
            return SecretRef(service, ref.name)
        message = f"the secret {str(ref)!r} is missing: no secrets service {service!r}"
        return message, did_you_mean(service, known) if known else _ADD
    if len(known) == 1:
        return SecretRef(known[0], ref.name)
    if known:
        message = f"the secret {str(ref)!r} may be in any of {', '.join(sorted(known))}"
        return message, f'write "{SCHEME}service/{ref.name}", or [defaults] secrets = …'
    return f"the secret {str(ref)!r} is missing: no secrets service is configured", _ADD


_ADD = 'add a service with contract = "secrets", or give the value itself'


def opening_order(
    needs: Mapping[str, frozenset[str]], config: Configuration
) -> tuple[Sequence[str], list[Problem]]:
    """The services with those that they need before them, and every cycle of references."""
    graph = {name: set(before) for name, before in needs.items()}
    problems: list[Problem] = []
    while True:
        try:
            return tuple(TopologicalSorter(graph).static_order()), problems
        except CycleError as error:
            # The sorter tells the cycle with each node before the one that needs it.
            cycle = list(reversed(error.args[1]))
            problems.append(_cycle(cycle, config))
            graph[cycle[0]].discard(cycle[1])


def _cycle(cycle: Sequence[str], config: Configuration) -> Problem:
    path: Path = ("services", cycle[0])
    return Problem(
        dotted(path),
        f"a cycle of secret references: {' needs '.join(cycle)}",
        "give one of these services its secret without a reference",
        config.tree.origin(path),
    )
