"""Every operation of every contract tells the facts that layers decide by."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from typing import Any

import pytest

from omnicloud.contracts import CONTRACTS
from omnicloud.core.operation import Operation


def operations() -> list[type[Operation[Any, Any]]]:
    found: dict[str, type[Operation[Any, Any]]] = {}
    for contract in CONTRACTS:
        module = importlib.import_module(f"omnicloud.contracts.{contract}.driver")
        for _, one in inspect.getmembers(module, inspect.isclass):
            if issubclass(one, Operation) and hasattr(one, "name"):
                found[one.name] = one
    return [found[name] for name in sorted(found)]


def says(operation: type[Operation[Any, Any]], fact: str) -> bool:
    return getattr(operation, fact) is not getattr(Operation, fact)


@pytest.mark.parametrize("operation", operations(), ids=lambda one: one.name)
def test_an_operation_is_a_frozen_slotted_value_named_after_its_contract(
    operation: type[Operation[Any, Any]],
) -> None:
    assert dataclasses.is_dataclass(operation)
    assert "__slots__" in operation.__dict__
    assert operation.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert operation.__module__.split(".")[2] == operation.name.split(".")[0]


@pytest.mark.parametrize("operation", operations(), ids=lambda one: one.name)
def test_an_operation_that_waits_says_so_and_one_with_names_scopes_them(
    operation: type[Operation[Any, Any]],
) -> None:
    fields = {field.name for field in dataclasses.fields(operation)}
    if "wait" in fields:
        assert says(operation, "waits"), "a long poll would be cut by the attempt's timeout"
    if fields & {"key", "keys", "topic", "secret", "collection", "prefix", "source", "space"}:
        assert says(operation, "scoped"), "a tenant's names would not be its own"
    if fields & {"keys", "items"}:
        assert says(operation, "resources"), "authorization would not see each name"
