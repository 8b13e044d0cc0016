"""Compares what was used with what a certificate proves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from omnicloud.contracts import CONTRACTS
from omnicloud.core.operation import Operation
from omnicloud_tck.certificates.model import CertificateFile, ContractEntry
from omnicloud_tck.certificates.rungs import at_least, judged
from omnicloud_tck.law import Rung
from omnicloud_tck.runner import Verdict
from omnicloud_tck.swap.used import Use

__all__ = ["missing", "operations_of"]


def missing(uses: Iterable[Use], certificate: CertificateFile, asked: Rung) -> tuple[str, ...]:
    """What the certificate does not prove of what was used, a line each; none: all is covered."""
    used = tuple(uses)
    found: list[str] = []
    for contract in sorted({use.contract for use in used}):
        entry = certificate.contracts.get(contract)
        if entry is None:
            found.append(f"{contract}: the provider was not tried on it")
            continue
        found += _short_of(contract, entry, asked)
        for use in (use for use in used if use.contract == contract):
            found += _of_use(use, entry)
    return tuple(dict.fromkeys(found))


def _short_of(contract: str, entry: ContractEntry, asked: Rung) -> Iterator[str]:
    if not entry.certified:
        why = "; ".join(judged(entry.laws, entry.features).why_not[:5])
        yield f"{contract}: not certified{': ' if why else ''}{why}"
    elif not at_least(entry.rung, asked):
        lacking = ", ".join(entry.capped_by).replace("_", " ")
        cause = f", for its world does not offer {lacking}" if lacking else ""
        yield f"{contract}: certified up to {entry.rung}, {asked} is asked{cause}"


def _of_use(use: Use, entry: ContractEntry) -> Iterator[str]:
    what = use.operation or f"{use.contract} as configured"
    if use.operation and use.operation not in operations_of(use.contract):
        yield f"{what}: the kit knows no such operation"
    for feature in use.features:
        if feature not in entry.features:
            yield f"{what} needs {feature}, which is not declared"
        elif not _proven(feature, entry):
            yield f"{what} needs {feature}, which is declared, but no law about it was tried"


def _proven(feature: str, entry: ContractEntry) -> bool:
    return any(law.result is Verdict.HELD and feature in law.needs for law in entry.laws)


def operations_of(contract: str) -> frozenset[str]:
    """The names of all operations of a contract."""
    spec = CONTRACTS.get(contract)
    if spec is None:
        return frozenset()
    spec.load(spec.portable)
    return frozenset(_names(Operation, f"{contract}."))


def _names(kind: type, prefix: str) -> Iterator[str]:
    below: list[type] = kind.__subclasses__()
    for sub in below:
        name = getattr(sub, "name", "")
        if isinstance(name, str) and name.startswith(prefix):
            yield name
        yield from _names(sub, prefix)
