"""The options by which a benchmark is repeated on another fleet; every script takes all five."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from _packing import Node

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def options_of(
    description: str,
    folder: str = "bitbrains_rnd/",
    *,
    node: str | None = "32x128",
    weeks: int = 6,
    orders: int = 3,
    seed: int = 7,
    unused: Mapping[str, str] = MappingProxyType({}),
) -> argparse.ArgumentParser:
    """A parser with ``--data``, ``--node``, ``--weeks``, ``--orders``, ``--seed`` and ``--smoke``.

    Args:
        unused: Why one of them means nothing to this benchmark. Where it is given nevertheless,
            that is said and the benchmark goes on, so that one command line does for all.
    """
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    shape = "CORESxGIB" if node else "CORESxGIB of every node; by default as the cluster has them"
    _add(parser, "data", unused, kind=Path, default=DATA, about=f"folder with {folder}")
    _add(parser, "node", unused, kind=_shape, default=node, about=shape)
    _add(parser, "weeks", unused, kind=count, default=weeks, about="the last so many are tested")
    _add(parser, "orders", unused, kind=count, default=orders, about="random orders of arrival")
    _add(parser, "seed", unused, kind=from_zero, default=seed, about="of all that is drawn")
    parser.add_argument("--smoke", action="store_true", help="made up and small, needs no data")
    return parser


def _add(
    parser: argparse.ArgumentParser,
    name: str,
    unused: Mapping[str, str],
    *,
    kind: Callable[[str], object],
    default: object,
    about: str,
) -> None:
    if name in unused:
        absent, why = argparse.SUPPRESS, f"not used: {unused[name]}"
        parser.add_argument(f"--{name}", action=_Unused, default=absent, help=why)
    else:
        parser.add_argument(f"--{name}", type=kind, default=default, help=about)


def fleet_options(
    description: str, unused: Mapping[str, str] = MappingProxyType({})
) -> argparse.ArgumentParser:
    """The same for all that play a trace of usage."""
    parser = options_of(description, unused=unused)
    parser.add_argument("--until-day", type=count, help="leave out what came later")
    return parser


class _Unused(argparse.Action):
    """An option that means nothing here, and says so."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        print(f"{option_string} is {self.help}", file=sys.stderr)


def count(text: str, least: int = 1) -> int:
    """A whole number that is large enough."""
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
    return int(text)


def from_zero(text: str) -> int:
    """The same, or none."""
    return count(text, 0)


def shape(text: str) -> Node:
    """The node of ``CORESxGIB``."""
    found = re.fullmatch(r"([\d.]+)x([\d.]+)", text.lower())
    try:
        cores, gib = (float(one) for one in (found.groups() if found else ()))
    except ValueError:
        cores = gib = 0.0
    if not (cores > 0 and gib > 0):
        raise argparse.ArgumentTypeError(f"{text!r} must be CORESxGIB, such as 32x128")
    return Node(cores, gib)


def _shape(text: str) -> str:
    shape(text)
    return text


def named(known: Iterable[str], names: str) -> Sequence[str]:
    """Those that ``--policies`` names, all where it names none."""
    known = list(known)
    wanted = set(filter(None, re.split(r",(?! )", names)))  # some have a comma and a space
    if unknown := wanted - set(known):
        there = ", ".join(known)
        sys.exit(f"--policies: there is no {', '.join(sorted(unknown))}; there are {there}")
    return [one for one in known if not wanted or one in wanted]
