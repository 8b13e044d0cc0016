"""Try a provider on every contract it offers, several laws at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

from omnicloud.registry.provider import Provider, load
from omnicloud.testing.virtual import VirtualTimeLoop
from omnicloud_tck.beside import PROCESSES, CopyEndedError, in_copies
from omnicloud_tck.certificates.making import ContractReport, Limit
from omnicloud_tck.contract import Contract
from omnicloud_tck.contracts import CONTRACTS, contract_class
from omnicloud_tck.hanging import Stuck, alarmed, in_loop, in_threads
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.machine import bounded
from omnicloud_tck.runner import Result, given_up, try_law
from omnicloud_tck.world import Backend, World

__all__ = ["Declared", "NoWorld", "Told", "Trial", "certify_contract", "trials_of", "world_maker"]

MakeWorld = Callable[[], World[Any]]
Told = Callable[[Law | Result], None]

WORKERS = 4
"""Laws tried at once over a real store, where most of their time is waiting."""


class NoWorld(Exception):  # noqa: N818 - said of a world
    """A provider cannot be tried here at all; says why."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a provider's driver, and the world it is tried in, say of themselves."""

    features: tuple[str, ...]
    limits: dict[str, Limit]
    backend: Backend | None
    virtual: bool


@dataclass(frozen=True)
class Trial:
    """A contract of a provider that is to be tried.

    Attributes:
        laws_by: A class that opens the contract's clients its own way, where the provider's
            object stands in for the portable class; ``None`` is the kit's own.
    """

    contract: str
    make_world: MakeWorld
    laws_by: type[Contract] | None = None

    @cached_property
    def declared(self) -> Declared:
        """What it says of itself; a world is made and closed for it, once.

        Raises:
            NoWorld: There is no world to try it in, or no client could be opened.
        """
        try:
            world = self.make_world()
            factory = VirtualTimeLoop if world.virtual else None
            with alarmed(), in_loop(factory) as runner:
                return runner.run(bounded(_declared(world)))
        except (Exception, Stuck, SystemExit) as error:
            raise NoWorld(
                f"{self.contract} cannot be tried: {type(error).__name__}: {error}"
            ) from error

    @property
    def owner(self) -> type[Contract]:
        """The class of the laws that are tried."""
        return self.laws_by or contract_class(self.contract)

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws of the contract."""
        return laws_of(self.owner)


def world_maker(provider: Provider, contract: str) -> MakeWorld:
    """How to make worlds of a provider for a contract.

    Raises:
        LookupError: The provider says of itself no way to make worlds.
    """
    if not provider.world:
        raise LookupError(
            f"the provider {provider.name} names no world to try it in; give its Provider "
            'world="package.module:function", a function of a contract that makes a World'
        )
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
    told: Told = lambda _: None,
) -> ContractReport:
    """Try all laws of a contract; ``told`` hears of each when it begins and when it ends."""
    results: list[Result] = []
    for result in _results(trial, seed, examples, told):
        told(result)
        results.append(result)
    results.sort(key=lambda result: result.law.id)
    told_of = trial.declared
    return ContractReport(
        trial.contract, told_of.features, told_of.limits, told_of.backend, tuple(results)
    )


def _results(trial: Trial, seed: int, examples: int, told: Told) -> Iterator[Result]:
    owner = trial.owner

    def try_one(made: Law) -> Result:
        return try_law(owner(), made, trial.make_world, seed=seed, examples=examples)

    def try_told(made: Law) -> Result:
        told(made)
        return try_one(made)

    together = [law for law in trial.laws if not law.alone]
    if trial.declared.virtual and PROCESSES > 1:
        try:
            yield from in_copies(together, try_one, told)
        except CopyEndedError as error:
            raise NoWorld(f"{trial.contract} cannot be tried: {error}") from error
    elif trial.declared.virtual:
        yield from map(try_told, together)
    else:
        yield from in_threads(together, WORKERS, try_told, partial(given_up, seed=seed))
    yield from (try_told(made) for made in trial.laws if made.alone)


async def _declared(world: World[Any]) -> Declared:
    driver = await world.driver()
    features = tuple(sorted(map(str, driver.features)))
    limits: dict[str, Limit] = asdict(driver.limits)
    await world.aclose()
    return Declared(features, limits, world.backend, world.virtual)
