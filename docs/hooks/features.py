"""Puts tables of what providers declare in the place of ``{{ features PROVIDER }}``."""

from __future__ import annotations

import re

from omnicloud.contracts import CONTRACTS
from omnicloud.registry.discovery import Registry

__all__ = ["on_page_markdown"]

_MARK = re.compile(r"\{\{ features (\w+) \}\}")


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with a table of contracts and features for each provider that it marks."""
    return _MARK.sub(lambda match: _table(match[1]), markdown)


def _table(provider: str) -> str:
    offers = Registry.discover().providers[provider].provider.offers
    rows = []
    for contract in CONTRACTS:
        if contract not in offers:
            continue
        every = CONTRACTS[contract].load(CONTRACTS[contract].features)
        declared = offers[contract].declares
        has = ", ".join(f"`{one}`" for one in every if one in declared)  # type: ignore[attr-defined]
        lacks = ", ".join(f"`{one}`" for one in every if one not in declared)  # type: ignore[attr-defined]
        rows.append(f"| {contract} | {has} | {lacks} |")
    return "\n".join(["| contract | has | has not |", "|---|---|---|", *rows])
