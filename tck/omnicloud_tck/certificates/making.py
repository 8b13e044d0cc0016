"""Makes a certificate of what was tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from omnicloud_tck.certificates.kills import kill_rates
from omnicloud_tck.certificates.model import (
    MAX_REASON,
    BackendEntry,
    CertificateFile,
    ContractEntry,
    LawEntry,
    ProviderEntry,
)
from omnicloud_tck.certificates.rungs import judged, lowest
from omnicloud_tck.certificates.surroundings import environment, version_of, versions
from omnicloud_tck.check import Broken
from omnicloud_tck.runner import Result, Verdict
from omnicloud_tck.world import Backend

__all__ = ["ContractReport", "as_json", "faults_of", "made", "total_seconds"]

Limit = int | float | None


@dataclass(frozen=True, slots=True)
class ContractReport:
    """How one contract came out.

    Attributes:
        features: What the driver declares.
        limits: Its bounds, by name.
        backend: What answered behind it, where the world tells.
        results: One for each law.
    """

    contract: str
    features: tuple[str, ...]
    limits: Mapping[str, Limit]
    backend: Backend | None
    results: tuple[Result, ...]


def made(
    provider: str,
    distribution: str,
    reports: Sequence[ContractReport],
    *,
    examples: int,
    started: datetime,
    finished: datetime,
) -> CertificateFile:
    """The certificate of a provider, not signed yet."""
    contracts = {report.contract: _contract(report) for report in reports}
    entries = tuple(contracts.values())
    return CertificateFile(
        schema_version=1,
        provider=ProviderEntry(
            name=provider, distribution=distribution, version=version_of(distribution)
        ),
        versions=versions(distribution),
        environment=environment(),
        started=started,
        finished=finished,
        seeds=tuple(sorted({law.seed for entry in entries for law in entry.laws})),
        examples=examples,
        faults=faults_of(law for entry in entries for law in entry.laws),
        certified=all(entry.certified for entry in entries),
        rung=lowest(entry.rung for entry in entries),
        contracts=contracts,
    )


def as_json(certificate: CertificateFile) -> str:
    """The certificate for programs and for signing; ends with a newline."""
    return certificate.model_dump_json(indent=2) + "\n"


def faults_of(laws: Iterable[LawEntry]) -> tuple[str, ...]:
    """What was done to the backend: the abilities of the laws that were tried."""
    tried = (law for law in laws if law.result in (Verdict.HELD, Verdict.BROKEN))
    return tuple(sorted({ability for law in tried for ability in law.abilities}))


def _contract(report: ContractReport) -> ContractEntry:
    laws = tuple(_law(result) for result in report.results)
    judgement = judged(laws, report.features)
    return ContractEntry(
        certified=judgement.certified,
        rung=judgement.rung,
        capped_by=judgement.capped_by,
        features=report.features,
        limits=dict(report.limits),
        backend=_backend(report.backend),
        kill_rates=kill_rates(report.contract),
        seconds=total_seconds(laws),
        laws=laws,
    )


def total_seconds(laws: Sequence[LawEntry]) -> float:
    """Seconds of all laws, added up."""
    return round(sum(law.seconds for law in laws), 4)


def _backend(backend: Backend | None) -> BackendEntry | None:
    if backend is None:
        return None
    return BackendEntry(name=backend.name, version=backend.version, emulator=backend.emulator)


def _law(result: Result) -> LawEntry:
    law = result.law
    return LawEntry(
        id=law.id,
        title=law.clause,
        level=law.level,
        rung=law.rung,
        needs=tuple(sorted(law.needs)),
        abilities=tuple(sorted(law.abilities)),
        result=result.verdict,
        reason=_told(result)[:MAX_REASON],
        missing=tuple(sorted(result.missing)),
        seconds=round(result.seconds, 4),
        seed=result.seed,
    )


def _told(result: Result) -> str:
    """The reason as it may be published: what a native error said stays where it was tried."""
    if result.verdict is not Verdict.BROKEN:
        return result.reason
    kind, _, said = result.reason.partition(": ")
    if kind == Broken.__name__:
        return said
    return kind if kind.startswith("it ") else f"it raised {kind}"
