"""Lists in the navigation the pages of the folders that grow: ``contracts/*``, ``decisions/*``."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files

__all__ = ["on_files"]

_FIRST = "index.md"


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Put the pages that match in the place of each pattern, ``index.md`` first."""
    pages = [file.src_uri for file in files.documentation_pages()]
    config.nav = [_filled(entry, pages) for entry in config.nav or []]


def _filled(entry: object, pages: list[str]) -> object:
    if not isinstance(entry, dict):
        return entry
    ((title, inside),) = entry.items()
    if not isinstance(inside, str) or not inside.endswith("*"):
        return entry
    start = inside.removesuffix("*")
    found = [page for page in pages if page.startswith(start)]
    if not start.endswith("-"):  # "contracts/*" leaves "contracts/laws-*" to its own pattern
        found = [page for page in found if not page.startswith(f"{start}laws-")]
    return {title: sorted(found, key=lambda page: (not page.endswith(_FIRST), page))}
