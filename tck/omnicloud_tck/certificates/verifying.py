"""Whether a certificate follows from its own laws, and whether these are the kit's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from omnicloud_tck.certificates.kills import kill_rates
from omnicloud_tck.certificates.making import faults_of, total_seconds
from omnicloud_tck.certificates.model import CertificateFile, ContractEntry, LawEntry
from omnicloud_tck.certificates.rungs import judged, lowest
from omnicloud_tck.certificates.surroundings import version_of
from omnicloud_tck.contracts import CONTRACTS, contract_class
from omnicloud_tck.declarations import features_of
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.runner import Verdict

__all__ = ["problems_of"]


def problems_of(certificate: CertificateFile) -> Iterator[str]:
    """What in a certificate does not follow from the rest of it or from the kit, a line each."""
    ours = version_of("omnicloud-tck")
    if certificate.versions.kit != ours:
        made_by = certificate.versions.kit
        yield f"made by kit {made_by}: verify it with that version, this one is {ours}"
        return
    for name, entry in certificate.contracts.items():
        if name in CONTRACTS:
            yield from (f"{name}: {said}" for said in _of_contract(name, entry))
        else:
            yield f"{name}: the kit has no laws of such a contract"
    yield from _of_whole(certificate)


def _of_whole(certificate: CertificateFile) -> Iterator[str]:
    entries = tuple(certificate.contracts.values())
    laws = [law for entry in entries for law in entry.laws]
    yield from _differs("certified", all(e.certified for e in entries), certificate.certified)
    yield from _differs("rung", lowest(e.rung for e in entries), certificate.rung)
    yield from _differs("faults", faults_of(laws), certificate.faults)
    yield from _differs("seeds", tuple(sorted({law.seed for law in laws})), certificate.seeds)
    stamps = (certificate.started, certificate.finished)
    if any(stamp.utcoffset() is None for stamp in stamps):
        yield "started and finished have no time zone"
    elif certificate.started > certificate.finished:
        yield "it was finished before it was started"


def _of_contract(name: str, entry: ContractEntry) -> Iterator[str]:
    yield from _of_catalogue(name, entry)
    declared = frozenset(entry.features)
    if tuple(sorted(declared)) != entry.features:
        yield "features are not sorted, each once"
    unknown = declared - features_of(name)
    if unknown:
        yield f"has no feature {', '.join(sorted(unknown))}"
    for law in entry.laws:
        said = _of_result(law, declared)
        if said:
            yield f"{law.id} {said}"
    judgement = judged(entry.laws, entry.features)
    yield from _differs("certified", judgement.certified, entry.certified)
    yield from _differs("rung", judgement.rung, entry.rung)
    yield from _differs("capped_by", judgement.capped_by, entry.capped_by)
    yield from _differs("seconds", total_seconds(entry.laws), entry.seconds)
    if kill_rates(name) != entry.kill_rates:
        yield "kill_rates are not those of the kit"


def _of_catalogue(name: str, entry: ContractEntry) -> Iterator[str]:
    """How its laws differ from the kit's."""
    kit = {law.id: law for law in laws_of(contract_class(name))}
    told = Counter(law.id for law in entry.laws)
    for id_ in sorted(kit.keys() - told.keys()):
        yield f"law {id_} of the kit is missing"
    for id_ in sorted(told.keys() - kit.keys()):
        yield f"the kit has no law {id_}"
    for id_ in sorted(id_ for id_, times in told.items() if times > 1):
        yield f"law {id_} is there {told[id_]} times"
    for law in entry.laws:
        if law.id in kit and not _is(law, kit[law.id]):
            yield f"law {law.id} is not as the kit has it"


def _is(entry: LawEntry, law: Law) -> bool:
    facts = (entry.title, entry.level, entry.rung, entry.needs, entry.abilities)
    needs, abilities = tuple(sorted(law.needs)), tuple(sorted(law.abilities))
    return facts == (law.clause, law.level, law.rung, needs, abilities)


def _of_result(law: LawEntry, declared: AbstractSet[str]) -> str:
    """What is wrong with one result; empty where nothing is."""
    undeclared = set(law.needs) - declared
    match law.result:
        case Verdict.HELD if law.reason or law.missing:
            return "held, and yet says why not"
        case Verdict.HELD | Verdict.BROKEN if undeclared:
            return f"was tried without {', '.join(sorted(undeclared))}"
        case Verdict.NOT_APPLICABLE if not undeclared:
            return "is said not to apply, though all that it needs is declared"
        case Verdict.NOT_TRIED if undeclared:
            return "is said not to be tried, but does not apply"
        case Verdict.BROKEN | Verdict.NOT_APPLICABLE if law.missing:
            return "names what the world lacks, but is not one that was not tried"
        case Verdict.BROKEN | Verdict.NOT_APPLICABLE | Verdict.NOT_TRIED if not law.reason:
            return "does not say why"
    return ""


def _differs(what: str, derived: object, told: object) -> Iterator[str]:
    if derived != told:
        yield f"{what} is told as {_said(told)}, but {_said(derived)} follows from the laws"


def _said(value: object) -> str:
    if isinstance(value, Mapping | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
