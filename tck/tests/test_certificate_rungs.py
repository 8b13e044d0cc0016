"""The rung of a contract follows from its laws."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from omnicloud_tck.certificates.model import LawEntry
from omnicloud_tck.certificates.rungs import RUNGS, at_least, judged, lowest
from omnicloud_tck.contract import REFUSAL
from omnicloud_tck.contracts import CONTRACTS, contract_class
from omnicloud_tck.law import Ability, Level, Rung, laws_of
from omnicloud_tck.runner import Verdict


def law(rung: Rung, result: Verdict = Verdict.HELD, id_: str = "", **facts: object) -> LawEntry:
    known = {
        "id": id_ or f"X-{rung}",
        "title": "",
        "level": Level.MUST,
        "rung": rung,
        "needs": (),
        "abilities": (),
        "result": result,
        "reason": "",
        "missing": (),
        "seconds": 0.0,
        "seed": 0,
    }
    return LawEntry.model_validate({**known, **facts})


HELD = [law(Rung.SHAPE, id_=REFUSAL), *(law(rung) for rung in RUNGS)]


def but(*others: LawEntry) -> Sequence[LawEntry]:
    return [*HELD, *others]


def test_all_that_held_is_the_highest_rung() -> None:
    found = judged(HELD, ())
    assert (found.certified, found.rung, found.capped_by) == (True, Rung.TRUST, ())


@pytest.mark.parametrize("rung", RUNGS)
def test_a_broken_must_ends_the_ladder_below_it_and_the_certificate(rung: Rung) -> None:
    found = judged(but(law(rung, Verdict.BROKEN, "B-1")), ())
    height = RUNGS.index(rung)
    assert not found.certified
    assert found.rung == (RUNGS[height - 1] if height else None)
    assert found.why_not == ("B-1 is broken",)


def test_a_broken_should_changes_nothing() -> None:
    assert judged(but(law(Rung.SHAPE, Verdict.BROKEN, "B-1", level=Level.SHOULD)), ()).certified


def test_what_the_world_could_not_offer_caps_the_rung_and_is_named() -> None:
    untried = law(
        Rung.RESILIENCE, Verdict.NOT_TRIED, "N-1", abilities=("outage",), missing=("outage",)
    )
    found = judged(but(untried), ())
    assert (found.certified, found.rung) == (True, Rung.CONCURRENCY)
    assert found.capped_by == ("outage",)


def test_nothing_but_shape_untried_is_no_rung_and_no_certificate() -> None:
    untried = law(Rung.SHAPE, Verdict.NOT_TRIED, "N-1", abilities=("outage",), missing=("outage",))
    found = judged(but(untried), ())
    assert (found.certified, found.rung, found.capped_by) == (False, None, ("outage",))


@pytest.mark.parametrize("missing", [(), ("outage", "restart"), ("restart",)])
def test_a_must_that_was_skipped_for_another_reason_costs_every_rung(
    missing: tuple[str, ...],
) -> None:
    skipped = law(Rung.TRUST, Verdict.NOT_TRIED, "N-1", abilities=("outage",), missing=missing)
    found = judged(but(skipped), ())
    assert (found.certified, found.rung) == (False, None)


def test_a_law_does_not_apply_only_for_want_of_a_feature_that_is_not_declared() -> None:
    absent = law(Rung.SEMANTICS, Verdict.NOT_APPLICABLE, "N-1", needs=("ttl",))
    assert judged(but(absent), ()).certified
    assert judged(but(absent), ("ttl",)).rung is None


@pytest.mark.parametrize("refusal", [Verdict.BROKEN, Verdict.NOT_TRIED, Verdict.NOT_APPLICABLE])
def test_a_feature_that_is_not_declared_excuses_only_where_it_is_refused(refusal: Verdict) -> None:
    laws = list(but(law(Rung.TRUST, Verdict.NOT_APPLICABLE, "N-1", needs=("ttl",))))
    laws[0] = law(Rung.SHAPE, refusal, REFUSAL)
    found = judged(laws, ())
    assert (found.certified, found.rung) == (False, None)


def test_no_laws_are_no_certificate() -> None:
    assert not judged((), ()).certified


def test_the_lowest_of_some_rungs_is_none_where_one_has_none() -> None:
    assert lowest([Rung.TRUST, Rung.SHAPE]) is Rung.SHAPE
    assert lowest([Rung.TRUST, None]) is None
    assert lowest([]) is None
    assert at_least(Rung.TRUST, Rung.SHAPE)
    assert not at_least(Rung.SHAPE, Rung.TRUST)
    assert not at_least(None, Rung.SHAPE)


@pytest.mark.parametrize("contract", sorted(CONTRACTS))
def test_every_contract_has_laws_on_every_rung(contract: str) -> None:
    laws = laws_of(contract_class(contract))
    assert {one.rung for one in laws} == set(RUNGS)
    assert REFUSAL in {one.id for one in laws}


@pytest.mark.parametrize("contract", sorted(CONTRACTS))
def test_no_law_keeps_every_real_server_below_a_rung(contract: str) -> None:
    """Time is virtual in memory only: a law that needed it would be tried nowhere else."""
    laws = laws_of(contract_class(contract))
    assert not [law.id for law in laws if Ability.VIRTUAL_TIME in law.abilities]
