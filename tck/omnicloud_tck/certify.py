"""Try a provider on every contract it offers, several laws at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from omnicloud.registry.provider import Provider, load
from omnicloud_tck.certificate import ContractReport
from omnicloud_tck.contracts import CONTRACTS, contract_class
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.runner import Result, try_law
from omnicloud_tck.world import World

__all__ = ["Trial", "certify_contract", "trials_of", "world_maker"]

MakeWorld = Callable[[], World[Any]]

WORKERS = 4
"""Laws tried at once. Most of a law's time over a real store is waiting."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A contract of a provider that is to be tried."""

    contract: str
    make_world: MakeWorld

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws of the contract."""
        return laws_of(contract_class(self.contract))


def world_maker(provider: Provider, contract: str) -> MakeWorld:
    """How to make worlds of a provider for a contract.

    Raises:
        LookupError: The provider says of itself no way to make worlds.
    """
    if not provider.world:
        raise LookupError(f"the provider {provider.name} names no world to try it in")
    make: Any = load(provider.world)
    return lambda: make(contract)


def trials_of(provider: Provider, only: Iterable[str] = ()) -> tuple[Trial, ...]:
    """The contracts of a provider that the kit has laws for."""
    wanted = tuple(only) or tuple(CONTRACTS)
    return tuple(
        Trial(contract, world_maker(provider, contract))
        for contract in wanted
        if contract in provider.offers and contract in CONTRACTS
    )


def certify_contract(
    trial: Trial,
    *,
    seed: int = 0,
    examples: int = 40,
    told: Callable[[Result], None] = lambda _: None,
) -> ContractReport:
    """Try all laws of a contract; ``told`` hears each result as it comes."""
    results: list[Result] = []
    for result in _results(trial, seed, examples):
        told(result)
        results.append(result)
    results.sort(key=lambda result: result.law.id)
    return ContractReport(trial.contract, _features(trial), tuple(results))


def _results(trial: Trial, seed: int, examples: int) -> Iterator[Result]:
    owner = contract_class(trial.contract)

    def try_one(made: Law) -> Result:
        return try_law(owner(), made, trial.make_world, seed=seed, examples=examples)

    world = trial.make_world()
    together = [] if world.virtual else [law for law in trial.laws if not law.alone]
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="law") as pool:
        for done in as_completed([pool.submit(try_one, made) for made in together]):
            yield done.result()
    for made in trial.laws:
        if made not in together:
            yield try_one(made)


def _features(trial: Trial) -> tuple[str, ...]:
    world = trial.make_world()

    async def ask() -> tuple[str, ...]:
        driver = await world.driver()
        features = tuple(sorted(driver.features))
        await world.aclose()
        return features

    return asyncio.run(ask())
