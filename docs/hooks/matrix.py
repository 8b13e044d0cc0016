"""Puts what the certificates at hand say in the place of ``{{ matrix }}``.

Certificates are what ``omnicloud certify`` wrote into ``certificates/``, or into the folder that
``OMNICLOUD_CERTIFICATES`` names; for providers that have none there, the last that was committed to
``docs/certificates/``. One that does not follow from the laws of this checkout is left out.
"""

from __future__ import annotations

import os
from pathlib import Path

from omnicloud_tck.certificates.matrix import as_markdown
from omnicloud_tck.certificates.model import CertificateFile
from omnicloud_tck.certificates.reading import read, read_bounded
from omnicloud_tck.certificates.verifying import problems_of

__all__ = ["on_page_markdown"]

_MARK = "{{ matrix }}"
_COMMITTED = Path("docs/certificates")
_NONE = "*No certificate was at hand when this page was built.*"


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with the matrix of all certificates."""
    return markdown.replace(_MARK, _matrix()) if _MARK in markdown else markdown


def _matrix() -> str:
    fresh = Path(os.environ.get("OMNICLOUD_CERTIFICATES", "certificates"))
    newest: dict[str, CertificateFile] = {}
    for folder in (_COMMITTED, fresh):
        for path in sorted(folder.glob("*.json")):
            sound = _sound(path)
            if sound is not None:
                newest[sound.provider.name] = sound
    return as_markdown([newest[name] for name in sorted(newest)]) if newest else _NONE


def _sound(path: Path) -> CertificateFile | None:
    """The certificate; none where it is older than the laws it would be read against."""
    certificate, _ = read(read_bounded(path))
    return None if any(problems_of(certificate)) else certificate
