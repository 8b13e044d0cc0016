"""Puts the table of layers, as the code has it, in the place of ``{{ layers }}``."""

from __future__ import annotations

from omnicloud.layers.order import ORDER

__all__ = ["on_page_markdown"]

_MARK = "{{ layers }}"


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with the table."""
    rows = "\n".join(f"| `{place.name}` | {place.why} |" for place in ORDER)
    return markdown.replace(_MARK, f"| layer | why there |\n|---|---|\n{rows}")
