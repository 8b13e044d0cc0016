"""Every broken driver breaks a law, and every MUST law is broken by one."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import broken
from broken.registry import BROKEN, Broken
from known_kills import laws_first_known, likely_killers
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.law import Law, Level, laws_of
from omnicloud_tck.programs import playing
from omnicloud_tck.runner import Verdict, try_law

for _module in pkgutil.iter_modules(broken.__path__):
    importlib.import_module(f"broken.{_module.name}")


@pytest.fixture(autouse=True)
def _as_it_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only whether a law is broken counts here: no program is made small."""
    monkeypatch.setattr(playing, "_TRIES", 0)


def breaks(wrong: Broken, law: Law) -> bool:
    """Whether a broken driver breaks a law."""
    result = try_law(wrong.contract(), law, wrong.make_world, examples=30)
    return result.verdict is Verdict.BROKEN


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_driver_breaks_a_law(name: str) -> None:
    wrong = BROKEN[name]
    if not any(breaks(wrong, law) for law in laws_first_known(wrong)):
        pytest.fail(f"{wrong.id} ({wrong.tier}: {wrong.summary}) breaks no law")


@pytest.mark.parametrize(
    ("contract", "id_"),
    [
        (contract, law.id)
        for contract in sorted({wrong.contract.contract for wrong in BROKEN.values()})
        for law in laws_of(contract_class(contract))
        if law.level is Level.MUST
    ],
)
def test_a_must_law_is_broken_by_some_driver(contract: str, id_: str) -> None:
    law = next(law for law in laws_of(contract_class(contract)) if law.id == id_)
    if not any(breaks(wrong, law) for wrong in likely_killers(contract, id_)):
        pytest.fail(f"no broken driver breaks {id_} of {contract}")
