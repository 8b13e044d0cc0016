"""Which rung a contract has reached: derived from its laws alone, when made and when verified."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omnicloud_tck.certificates.model import LawEntry
from omnicloud_tck.contract import REFUSAL
from omnicloud_tck.law import Level, Rung
from omnicloud_tck.runner import Verdict

__all__ = ["RUNGS", "Judgement", "at_least", "judged", "lowest"]

RUNGS: tuple[Rung, ...] = tuple(Rung)
"""From the lowest up."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the laws of a contract amount to.

    Attributes:
        certified: A rung is reached, no MUST law is broken, and none was skipped but for what
            the world could not offer.
        rung: The highest whose MUST laws, and those of all below, held or do not apply.
        capped_by: Abilities whose lack keeps it from the next rung.
        why_not: What speaks against the certificate, a line each.
    """

    certified: bool
    rung: Rung | None
    capped_by: tuple[str, ...]
    why_not: tuple[str, ...]


def judged(laws: Sequence[LawEntry], features: Iterable[str]) -> Judgement:
    """Judge the results of a contract's laws, given what the driver declares."""
    declared = frozenset(features)
    musts = [law for law in laws if law.level is Level.MUST]
    refusals_hold = any(law.id == REFUSAL and law.result is Verdict.HELD for law in musts)
    objections = {law.id: _objection(law, declared, refusals_hold) for law in musts}
    open_ = [law for law in musts if objections[law.id] or law.result is Verdict.NOT_TRIED]
    skipped = any(objections[law.id] and law.result is not Verdict.BROKEN for law in musts)
    reached = _below(open_) if musts and not skipped else ()
    why_not = tuple(f"{id_} {said}" for id_, said in objections.items() if said)
    rung = reached[-1] if reached else None
    capped = () if skipped else _cap(open_, reached)
    return Judgement(rung is not None and not why_not, rung, capped, why_not)


def _objection(law: LawEntry, declared: frozenset[str], refusals_hold: bool) -> str:
    """Why a MUST law stands in the way of any certificate; empty where it does not."""
    undeclared = frozenset(law.needs) - declared
    match law.result:
        case Verdict.HELD:
            return ""
        case Verdict.BROKEN:
            return "is broken"
        case Verdict.NOT_APPLICABLE if not undeclared:
            return "is said not to apply, though all that it needs is declared"
        case Verdict.NOT_APPLICABLE if not refusals_hold:
            return f"is said not to apply, but {REFUSAL} does not hold"
        case Verdict.NOT_TRIED if not law.missing or not set(law.missing) <= set(law.abilities):
            return "was skipped for no reason that counts"
    return ""


def _below(open_: Iterable[LawEntry]) -> tuple[Rung, ...]:
    """The rungs under the lowest of these laws."""
    lowest_open = min((RUNGS.index(law.rung) for law in open_), default=len(RUNGS))
    return RUNGS[:lowest_open]


def _cap(open_: Iterable[LawEntry], reached: Sequence[Rung]) -> tuple[str, ...]:
    if len(reached) == len(RUNGS):
        return ()
    stopped_at = RUNGS[len(reached)]
    here = (law for law in open_ if law.rung is stopped_at and law.result is Verdict.NOT_TRIED)
    return tuple(sorted({ability for law in here for ability in law.missing}))


def lowest(rungs: Iterable[Rung | None]) -> Rung | None:
    """The lowest of some rungs; ``None`` where one is missing, or all."""
    found = list(rungs)
    known = [rung for rung in found if rung is not None]
    return min(known, key=RUNGS.index) if known and len(known) == len(found) else None


def at_least(reached: Rung | None, asked: Rung) -> bool:
    """Whether a rung is the one asked for or above it."""
    return reached is not None and RUNGS.index(reached) >= RUNGS.index(asked)
