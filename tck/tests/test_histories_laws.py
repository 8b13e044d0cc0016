"""The reference keeps every law of histories, whatever the seed, and broken drivers do not."""

from __future__ import annotations

import pytest

from broken.registry import BROKEN
from omnicloud_tck.contracts import CONTRACTS, contract_class
from omnicloud_tck.law import Law, Rung, laws_of
from omnicloud_tck.reference import world
from omnicloud_tck.runner import Verdict, try_law

__import__("broken.histories_kv")
__import__("broken.histories_locks")
__import__("broken.histories_records")
__import__("broken.histories_transactions")


def history_laws(contract: str) -> list[Law]:
    owner = contract_class(contract)
    return [
        law
        for law in laws_of(owner)
        if getattr(owner, law.name).__module__.endswith(f".{contract}.histories")
    ]


LAWS = {law.id: contract for contract in CONTRACTS for law in history_laws(contract)}


def made(id_: str) -> Law:
    return next(law for law in history_laws(LAWS[id_]) if law.id == id_)


def test_the_contracts_that_clients_share_have_laws_of_histories() -> None:
    judged = {"cache", "documents", "kv", "locks", "messaging", "objects", "outbox", "sagas"}
    assert set(LAWS.values()) == judged
    assert all(made(id_).rung is Rung.CONCURRENCY for id_ in LAWS)


@pytest.mark.parametrize("id_", sorted(LAWS))
def test_the_reference_keeps_a_law_of_histories_with_any_seed(id_: str) -> None:
    contract = LAWS[id_]
    for seed in range(20):
        result = try_law(
            contract_class(contract)(), made(id_), lambda: world(contract), seed=seed, examples=4
        )
        assert result.verdict is Verdict.HELD, f"seed {seed}: {result.reason}\n{result.detail}"


@pytest.mark.parametrize(
    ("name", "id_"),
    [("HKV03", "KV-110"), ("HLO05", "LO-111"), ("HTX04", "DOC-113"), ("HMS04", "MS-111")],
)
def test_a_counter_example_is_small_names_its_seed_and_is_found_again(name: str, id_: str) -> None:
    wrong = BROKEN[name]
    results = [
        try_law(wrong.contract(), made(id_), wrong.make_world, seed=5, examples=40)
        for _ in range(2)
    ]
    first, second = results
    assert first.verdict is Verdict.BROKEN
    assert "seed 5, program" in first.reason
    assert first.reason == second.reason
    lanes = [line for line in first.detail.splitlines() if "→" in line and " | " in line]
    assert 2 <= len(lanes) <= 12
