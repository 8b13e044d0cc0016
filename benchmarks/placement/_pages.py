"""A page for each benchmark: its pictures, its figures and what they came from, in one file."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["page"]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0;font-size:13px}
td,th{border-bottom:1px solid #ddd;padding:.25rem .7rem;text-align:right}
td:first-child,th:first-child{text-align:left}
img{max-width:100%}
code{font-size:12px;overflow-wrap:anywhere}
"""


def page(results: Path, pictures: Iterable[Path]) -> Path:
    """Write ``NAME.html`` beside ``NAME.json``; it needs no other file and runs no script."""
    told = json.loads(results.read_text())
    name = html.escape(str(told["benchmark"]))
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title>",
        f"<style>{_STYLE}</style><h1>{name}</h1>",
        *map(_picture, pictures),
        "<h2>Figures</h2>",
        _figures(told["policies"]),
        "<h2>Came from</h2>",
        _origin(told),
        "</html>\n",
    ]
    path = results.with_suffix(".html")
    path.write_text("\n".join(parts))
    return path


def _picture(path: Path) -> str:
    packed = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img alt="{html.escape(path.stem)}" src="data:image/png;base64,{packed}">'


def _figures(policies: Mapping[str, Mapping[str, float]]) -> str:
    """One line for each policy, one column for each figure that any of them has."""
    columns = list(dict.fromkeys(figure for values in policies.values() for figure in values))
    lines = [_line(["policy", *columns], "th")]
    for policy, values in policies.items():
        lines.append(_line([policy, *(_number(values.get(column)) for column in columns)], "td"))
    return f"<table>{''.join(lines)}</table>"


def _origin(told: Mapping[str, object]) -> str:
    """Machine, commit, options and hashes, so that it can be repeated."""
    kept = ("when", "commit", "machine", "options", "data_sha256")
    lines = []
    for name in kept:
        value = json.dumps(told[name], indent=1).strip('"')
        lines.append(f"<tr><td>{name}<td style=text-align:left><code>{html.escape(value)}</code>")
    return f"<table>{''.join(lines)}</table>"


def _line(cells: Iterable[str], kind: str) -> str:
    return "<tr>" + "".join(f"<{kind}>{html.escape(cell)}" for cell in cells)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"
