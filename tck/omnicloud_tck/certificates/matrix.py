"""Several certificates as one table: contracts by providers, with rung and features."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omnicloud_tck.certificates.model import CertificateFile, ContractEntry

__all__ = ["as_markdown", "as_rows"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def as_rows(certificates: Sequence[CertificateFile]) -> list[dict[str, object]]:
    """A row for each contract of each provider, for programs."""
    return [
        {
            "contract": name,
            "provider": one.provider.name,
            "version": one.provider.version,
            "certified": entry.certified,
            "rung": entry.rung,
            "capped_by": list(entry.capped_by),
            "features": list(entry.features),
        }
        for name in _contracts(certificates)
        for one in certificates
        if (entry := one.contracts.get(name)) is not None
    ]


def as_markdown(certificates: Sequence[CertificateFile]) -> str:
    """Two tables for a page: the rungs, and who declares which feature."""
    heads = [f"{_plain(one.provider.name)} {_plain(one.provider.version)}" for one in certificates]
    names = _contracts(certificates)
    rungs = [
        [_plain(name), *(_rung(one.contracts.get(name)) for one in certificates)] for name in names
    ]
    features = [
        [
            f"{_plain(name)} {_plain(feature)}",
            *(_mark(one.contracts.get(name), feature) for one in certificates),
        ]
        for name in names
        for feature in _features(name, certificates)
    ]
    return f"{_table(['contract', *heads], rungs)}\n{_table(['feature', *heads], features)}"


def _contracts(certificates: Sequence[CertificateFile]) -> list[str]:
    return sorted({name for one in certificates for name in one.contracts})


def _features(name: str, certificates: Sequence[CertificateFile]) -> list[str]:
    entries = (one.contracts.get(name) for one in certificates)
    return sorted({feature for entry in entries if entry for feature in entry.features})


def _rung(entry: ContractEntry | None) -> str:
    if entry is None:
        return ""
    if not entry.certified:
        return "not certified"
    lacking = ", ".join(entry.capped_by).replace("_", " ")
    return f"{entry.rung}{f' (not tried: {lacking})' if lacking else ''}"


def _mark(entry: ContractEntry | None, feature: str) -> str:
    return "" if entry is None else "yes" if feature in entry.features else "no"


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"{_line(row)}\n" for row in (heads, ["---"] * len(heads), *rows))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
