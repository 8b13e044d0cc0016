"""A certificate as a small picture: the provider, and how far it is certified."""

from __future__ import annotations

from html import escape

from omnicloud_tck.certificates.model import CertificateFile
from omnicloud_tck.certificates.rungs import RUNGS

__all__ = ["badge"]

_COLOURS = ("#5b6770", "#3a6ea5", "#2f6f9f", "#1b7f4d", "#0b6b3a")
_RED = "#a3202c"
_CHARACTER = 6.6  # pixels of the widest common sans serif at 11 px
_PADDING = 12


def badge(certificate: CertificateFile) -> str:
    """The picture as SVG; it asks for nothing from elsewhere."""
    left = f"omnicloud {certificate.provider.name}"[:60]
    right, colour = _verdict(certificate)
    split = _width(left)
    whole = split + _width(right)
    title = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<rect width="{whole}" height="20" rx="3" fill="#333b42"/>'
        f'<path d="M{split} 0h{whole - split - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{split}z" '
        f'fill="{colour}"/><g fill="#fff" text-anchor="middle" '
        f'font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{split / 2}" y="14">{escape(left)}</text>'
        f'<text x="{split + (whole - split) / 2}" y="14">{escape(right)}</text></g></svg>\n'
    )


def _verdict(certificate: CertificateFile) -> tuple[str, str]:
    if not certificate.certified or certificate.rung is None:
        return "not certified", _RED
    place = RUNGS.index(certificate.rung)
    return f"{certificate.rung} {place + 1}/{len(RUNGS)}", _COLOURS[place]


def _width(text: str) -> int:
    return round(len(text) * _CHARACTER) + _PADDING
