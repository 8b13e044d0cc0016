"""Shows the roles in docstrings (``:class:`~package.Name```) as the plain names they mean."""

from __future__ import annotations

import re

__all__ = ["on_page_content"]

_ROLE = re.compile(r":(?:class|meth|func|data|attr|mod):<code>~?([^<]*)</code>")
_BLOCK = re.compile(r"(?:<p>::</p>\s*|::(?=</p>\s*<(?:div|pre)))")


def on_page_content(html: str, **_: object) -> str:
    """The page with roles as names and without the colons that announce a block."""
    named = _ROLE.sub(lambda match: f"<code>{match[1].rpartition('.')[2]}</code>", html)
    return _BLOCK.sub(lambda match: "" if match[0].startswith("<p>") else ":", named)
