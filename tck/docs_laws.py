"""Writes the pages ``contracts/laws-*.md`` of the documentation out of the laws themselves.

A hook of mkdocs: the pages are made at each build and kept nowhere, so that they cannot differ
from what the kit tries.
"""

from __future__ import annotations

from collections.abc import Iterable

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from omnicloud_tck.contracts import CONTRACTS, contract_class
from omnicloud_tck.law import Law, laws_of

__all__ = ["on_files", "page"]

_HEAD = """# Laws of {contract}

What every provider of {contract} keeps, as the compatibility kit tries it.
A law applies where the provider declares the features it needs; where the backend cannot be hurt
in the way a law asks for, the certificate says so.

| id | level | rung | what is promised | needs | the world must |
|---|---|---|---|---|---|
"""


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add one page for each contract that has laws."""
    for contract in CONTRACTS:
        laws = laws_of(contract_class(contract))
        uri = f"contracts/laws-{contract}.md"
        files.append(File.generated(config, uri, content=page(contract, laws)))


on_files.mkdocs_priority = 50  # type: ignore[attr-defined]  # before the navigation is filled


def page(contract: str, laws: Iterable[Law]) -> str:
    """The page of a contract's laws, in Markdown."""
    return _HEAD.format(contract=contract) + "".join(map(_row, laws))


def _row(made: Law) -> str:
    needs = ", ".join(f"`{feature}`" for feature in sorted(made.needs))
    abilities = ", ".join(ability.replace("_", " ") for ability in sorted(made.abilities))
    clause = made.clause.replace("|", "\\|")
    return f"| {made.id} | {made.level} | {made.rung} | {clause} | {needs} | {abilities} |\n"
