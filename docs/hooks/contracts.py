"""Puts the table of contracts, linked to their pages, in the place of ``{{ contracts }}``."""

from __future__ import annotations

from importlib import import_module

from mkdocs.structure.files import Files

from omnicloud.contracts import CONTRACTS

__all__ = ["on_page_markdown"]

_MARK = "{{ contracts }}"
_HEAD = "| contract | class | it is | |\n|---|---|---|---|\n"


def on_page_markdown(markdown: str, files: Files, **_: object) -> str:
    """The page with the table."""
    return markdown.replace(_MARK, _HEAD + "\n".join(_row(name, files) for name in CONTRACTS))


def _row(name: str, files: Files) -> str:
    said = (import_module(f"omnicloud.contracts.{name}").__doc__ or "").partition("\n")[0]
    title = _linked(name, f"{name}.md", files)
    laws = _linked("laws", f"laws-{name}.md", files, otherwise="")
    return f"| {title} | `{CONTRACTS[name].portable}` | {said} | {laws} |"


def _linked(text: str, page: str, files: Files, otherwise: str | None = None) -> str:
    if files.get_file_from_path(f"contracts/{page}") is None:
        return text if otherwise is None else otherwise
    return f"[{text}]({page})"
