"""Every broken driver breaks a law, and every MUST law is broken by one."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import broken
from broken.registry import BROKEN, Broken
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.law import Level, laws_of
from omnicloud_tck.runner import Result, Verdict, try_all, try_law

for _module in pkgutil.iter_modules(broken.__path__):
    importlib.import_module(f"broken.{_module.name}")


def killers(wrong: Broken) -> list[Result]:
    """The results of the laws that a broken driver breaks."""
    tried = try_all(wrong.contract(), wrong.make_world, examples=30)
    return [result for result in tried if result.verdict is Verdict.BROKEN]


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_driver_breaks_a_law(name: str) -> None:
    wrong = BROKEN[name]
    contract = wrong.contract()
    for made in laws_of(wrong.contract):
        result = try_law(contract, made, wrong.make_world, examples=30)
        if result.verdict is Verdict.BROKEN:
            return
    pytest.fail(f"{wrong.id} ({wrong.tier}: {wrong.summary}) breaks no law")


@pytest.mark.parametrize("name", sorted({wrong.contract.contract for wrong in BROKEN.values()}))
def test_every_must_law_is_broken_by_some_driver(name: str) -> None:
    unbroken = {law.id for law in laws_of(contract_class(name)) if law.level is Level.MUST}
    for wrong in BROKEN.values():
        if wrong.contract.contract != name or not unbroken:
            continue
        for made in laws_of(wrong.contract):
            if made.id not in unbroken:
                continue
            result = try_law(wrong.contract(), made, wrong.make_world, examples=30)
            if result.verdict is Verdict.BROKEN:
                unbroken.discard(made.id)
    assert not unbroken, f"no broken driver breaks {sorted(unbroken)}"
