"""No law fails a driver that is right in another way than the reference."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

import correct
from correct.common import CORRECT, SPARED
from memory_world import memory_world
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.runner import Verdict, try_law

for _module in pkgutil.iter_modules(correct.__path__):
    importlib.import_module(f"correct.{_module.name}")

CASES = [
    pytest.param(contract, driver, law, id=f"{contract}-{driver.__name__}-{law.id}")
    for contract, driver in CORRECT
    for law in laws_of(contract_class(contract))
    if (driver, law.id) not in SPARED
]


@pytest.mark.parametrize(("contract", "driver", "law"), CASES)
def test_a_right_driver_keeps_every_law(
    contract: str, driver: Callable[..., Any], law: Law
) -> None:
    result = try_law(contract_class(contract)(), law, lambda: memory_world(driver), examples=20)
    assert result.verdict is not Verdict.BROKEN, f"{law.id}: {result.reason}\n{result.detail}"
