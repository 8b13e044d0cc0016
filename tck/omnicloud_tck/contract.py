"""The class that every contract's laws inherit, and that a provider's test inherits in turn."""

from __future__ import annotations

import random
from typing import Any, ClassVar

from omnicloud_tck.law import Law, Rung, law
from omnicloud_tck.world import World

__all__ = ["REFUSAL", "Contract"]

REFUSAL = "G-050"
"""The law that has to hold before a feature that is not declared excuses other laws."""


class Contract:
    """Laws as methods. A provider's whole test is a subclass with one fixture::

        class TestRedisKV(KVContract):
            @pytest.fixture
            def make_world(self, redis_url):
                return lambda: World(lambda: open_kv(RedisConfig(url=redis_url)))

    ``make_world`` gives a new world with a backend of its own, or a part of one that no other
    world sees, at each call.
    """

    contract: ClassVar[str] = ""
    seed: int = 0

    @property
    def random(self) -> random.Random:
        """Randomness that the seed repeats."""
        return random.Random(self.seed)  # noqa: S311 - cases, not keys

    def test_law(self, made_law: Law, make_world: Any) -> None:
        """Hold one law; the kit's pytest plugin calls this once for each."""
        from omnicloud_tck.pytest_plugin import judge

        judge(self, made_law, make_world)

    @law(
        REFUSAL,
        "Features declared are the contract's own and lasting; what is not declared is refused, "
        "unasked.",
        rung=Rung.SHAPE,
    )
    async def declarations_hold(self, world: World[Any]) -> None:
        from omnicloud_tck.declarations import hold_declarations

        await hold_declarations(self.contract, world)

    async def portable(self, world: World[Any]) -> Any:
        """One more client of the world, as users hold it."""
        raise TypeError(f"{type(self).__name__} does not say how it is opened")
