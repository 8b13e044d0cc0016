"""The laws of the breaker contract about circuits that a store keeps for many clients."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omnicloud.contracts.breaker import Breaker, BreakerFeature, CircuitSettings, CircuitState
from omnicloud.contracts.breaker.driver import Admit, Look
from omnicloud.contracts.breaker.models import Reading
from omnicloud.errors import CircuitOpenError, ClosedError
from omnicloud_tck.breaker.calls import (
    BreakerLaws,
    Held,
    Probe,
    closes,
    fail,
    open_circuit,
    rejects,
    state_of,
)
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.probes import Scoping
from omnicloud_tck.samples import NAMES
from omnicloud_tck.world import World

__all__ = ["SharedCircuits"]

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
_SHARED = [BreakerFeature.SHARED]
_DURABLE = [BreakerFeature.DURABLE]
_RESET = 0.6  # seconds
_LONG = 300.0
_MARGIN = 0.1
_STEPS = ("succeed", "fail", "cancel", "reset", "look")


class SharedCircuits(BreakerLaws):
    """What several clients of one circuit see, and what becomes of it with its store."""

    @law(
        "BRK-040",
        "Failures of all clients count together, and all see the circuit open.",
        needs=_SHARED,
        rung=Rung.CONCURRENCY,
    )
    async def failures_add_up(self, world: World[Any]) -> None:
        clients = [await self.portable(world, 3, _RESET) for _ in range(3)]
        for number, client in enumerate(clients):
            equal(CLOSED, (await client.read()).state, f"after {number} failures")
            await fail(client)
        late = await self.portable(world, 3, _RESET)
        # Side by side: of a slow store one after another would outlast the reset.
        told = "a call of any client while the circuit is open"
        await asyncio.gather(*(rejects(client, told) for client in (*clients, late)))
        for client in (*clients, late):
            equal(OPEN, client.state, "the state, once a client was refused")
        await world.sleep(_RESET + _MARGIN)
        await closes(late, "half open")
        for client in clients:
            equal(CLOSED, (await client.read()).state, "after another client's trial")

    @law(
        "BRK-041",
        "A success of any client begins the count of all anew.",
        needs=_SHARED,
        rung=Rung.CONCURRENCY,
    )
    async def successes_count_for_all(self, world: World[Any]) -> None:
        one, two = await self.portable(world, 3), await self.portable(world, 3)
        await fail(one, 2)
        await two.execute(Probe())
        await fail(one, 2)
        equal(CLOSED, (await two.read()).state, "two failures, a success, two failures")
        equal(2, (await two.read()).failures, "failures in a row")

    @law(
        "BRK-042",
        "Half open, one call of all clients is let through.",
        needs=_SHARED,
        rung=Rung.CONCURRENCY,
    )
    async def one_trial_of_all(self, world: World[Any]) -> None:
        clients = [await self.portable(world, 2, _RESET) for _ in range(4)]
        await open_circuit(clients[0])
        await world.sleep(_RESET + _MARGIN)
        made = 0

        async def slow() -> None:
            nonlocal made
            made += 1
            await world.sleep(0.4)

        ends = await asyncio.gather(
            *(clients[number % 4].execute(slow) for number in range(12)), return_exceptions=True
        )
        equal(1, made, "calls let through at once by a half-open circuit")
        equal(11, sum(isinstance(end, CircuitOpenError) for end in ends), "calls refused of 12")

    @law(
        "BRK-043",
        "No failure is lost when clients report at once.",
        needs=_SHARED,
        rung=Rung.CONCURRENCY,
    )
    async def no_report_is_lost(self, world: World[Any]) -> None:
        for turn in range(3):
            name = f"at-once-{turn}"
            clients = [await self.portable(world, 21, name=name) for _ in range(4)]
            calls = [Held(clients[number % 4]) for number in range(20)]
            for call in calls:
                await call.started()
            await asyncio.gather(*(call.fail() for call in calls))
            reading = await clients[0].read()
            equal((CLOSED, 20), (reading.state, reading.failures), "20 failures at once, of 21")
            await fail(clients[1])
            equal(OPEN, (await clients[0].read()).state, "after one more")

    @law(
        "BRK-044",
        "Circuits have any name, and those of two tenants are two.",
        needs=_SHARED,
        rung=Rung.TRUST,
    )
    async def tenants_are_apart(self, world: World[Any]) -> None:
        for name in NAMES[::3]:
            breaker = await self.portable(world, 1, name=name)
            await open_circuit(breaker, 1)
        for name in NAMES[1::3]:
            breaker = await self.portable(world, 1, name=name)
            equal(CLOSED, (await breaker.read()).state, f"the circuit {name[:40]!r}")
        tenants = ("acme", "acme2", "ACME", "../acme", None)
        breakers = [
            Breaker(
                1,
                _LONG,
                name="same",
                pipeline=await world.pipeline(Scoping(tenant)),
                clock=world.clock,
            )
            for tenant in tenants
        ]
        for number, breaker in enumerate(breakers):
            equal(CLOSED, (await breaker.read()).state, f"of {tenants[number]!r} before it failed")
            await open_circuit(breaker, 1)

    @law(
        "BRK-045",
        "A trial whose process died is given up after its trial timeout.",
        needs=_SHARED,
        rung=Rung.RESILIENCE,
    )
    async def a_dead_trial_is_given_up(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 2, _RESET, trial_timeout=1.0)
        await open_circuit(breaker)
        await world.sleep(_RESET + _MARGIN)
        settings = CircuitSettings(2, _RESET, trial_seconds=1.0)
        dead = await breaker.pipeline.send(Admit(breaker.name, settings, "dead"))
        that(dead.permit is not None, "the trial was refused")
        asked = world.clock.monotonic()
        again = await breaker.pipeline.send(Admit(breaker.name, settings, "dead"))
        equal(dead.permit, again.permit, "the trial's permit, asked for again with its ticket")
        await rejects(breaker, "a call while the trial may still be under way")
        for op in (Look(breaker.name, settings), Admit(breaker.name, settings, "other")):
            told = await breaker.pipeline.send(op)
            reading = told if isinstance(told, Reading) else told.reading
            left = reading.retry_after
            if world.clock.monotonic() - asked < 0.8:  # the trial has surely not ended
                that(0.0 < left <= 1.0, f"while a trial of 1 s is under way {left} s are told")
        await world.sleep(1.0 + 2 * _MARGIN)
        await closes(breaker, "after the trial was given up")

    @law(
        "BRK-046",
        "Closing is clean: twice is silent, afterwards calls are refused.",
        rung=Rung.RESILIENCE,
    )
    async def closing_is_clean(self, world: World[Any]) -> None:
        breaker, other = await self.portable(world, 2), await self.portable(world, 2)
        await breaker.execute(Probe())
        await breaker.aclose()
        await breaker.aclose()
        probe = Probe()
        with refused(ClosedError, "a call after the close"):
            await breaker.execute(probe)
        equal(0, probe.calls, "calls made after the close")
        await other.execute(Probe())

    @law(
        "BRK-047",
        "While the store is down calls are made, and count for nothing.",
        needs=_SHARED,
        abilities=[Ability.OUTAGE],
    )
    async def a_breaker_does_not_break(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 2)
        await fail(breaker)
        async with world.outage():
            probe = Probe()
            for _ in range(3):
                equal("done", await breaker.execute(probe), "a call while the store is down")
                await fail(breaker)
            equal(3, probe.calls, "calls made while the store is down")
        equal(CLOSED, (await breaker.read()).state, "after the outage")
        await fail(breaker)
        equal(OPEN, (await breaker.read()).state, "two failures with an outage between")

    @law(
        "BRK-048",
        "What was reported survives a crash of the store where durable is declared.",
        needs=_DURABLE,
        abilities=[Ability.RESTART],
    )
    async def circuits_survive_a_crash(self, world: World[Any]) -> None:
        await open_circuit(await self.portable(world, 2, name="opened"))
        await fail(await self.portable(world, 2, name="failed"))
        await world.restart()
        await rejects(await self.portable(world, 2, name="opened"), "a call after the crash")
        failed = await self.portable(world, 2, name="failed")
        equal(1, (await failed.read()).failures, "failures in a row, after the crash")
        await open_circuit(failed, 1)

    @law("BRK-050", "Any sequence of calls does what counting by hand would.", machine=True)
    def any_sequence_holds(self, lab: Lab) -> None:
        names = iter(range(1_000_000))
        steps = st.lists(st.tuples(st.sampled_from(_STEPS), st.integers(0, 1)), max_size=14)
        shared = BreakerFeature.SHARED in lab.run(lab.world.driver()).features
        ways = [lab.run(lab.world.pipeline()) for _ in range(1 + shared)]

        @drawn(lab)
        @given(st.integers(1, 4), steps)
        def trial(threshold: int, drawn_steps: list[tuple[str, int]]) -> None:
            name = f"m{next(names)}"
            clients = [
                lab.run(self.portable(lab.world, threshold, name=name, pipeline=way))
                for way in ways
            ]
            lab.run(self._follow(clients, threshold, drawn_steps))

        trial()

    async def _follow(
        self, clients: list[Any], threshold: int, steps: list[tuple[str, int]]
    ) -> None:
        shared = len(clients) > 1
        failures, is_open = 0, False
        for step, number in steps:
            client = clients[number % len(clients)]
            if step == "reset":
                await client.reset()
                failures, is_open = 0, False
            elif step == "look":
                read = await client.read() if shared else client
                equal(OPEN if is_open else CLOSED, read.state, "the state")
            elif is_open:
                await rejects(client, "a call while the circuit is open")
            else:
                await _made(client, step)
                failures = {"succeed": 0, "fail": failures + 1}.get(step, failures)
                is_open = failures >= threshold
        equal(OPEN if is_open else CLOSED, await _now(clients[0], shared), "the state at the end")


async def _made(client: Any, step: str) -> None:
    if step == "succeed":
        equal("done", await client.execute(Probe()), "the answer of a call")
    elif step == "fail":
        await fail(client)
    else:
        task = asyncio.ensure_future(client.execute(asyncio.sleep, 30))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _now(client: Any, shared: bool) -> CircuitState:
    if shared:
        told: CircuitState = (await client.read()).state
        return told
    return await state_of(client)
