"""The laws of the locks contract as handles show them; those of grants are beside it."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.locks import Lock, Locks, LocksFeature
from omnicloud.errors import (
    ClosedError,
    ConflictError,
    DeadlineExceededError,
    InvalidArgumentError,
    OmniCloudError,
    UnavailableError,
)
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.general.verbs import EveryVerb
from omnicloud_tck.law import Ability, Level, Rung, law
from omnicloud_tck.locks.edges import LocksEdges
from omnicloud_tck.locks.fractions import FractionLaws
from omnicloud_tck.locks.grants import GrantLaws
from omnicloud_tck.locks.histories import LocksHistories
from omnicloud_tck.locks.manners import MannerLaws
from omnicloud_tck.locks.names import NameLaws
from omnicloud_tck.locks.outages import OutageLaws
from omnicloud_tck.locks.programs import LocksPrograms
from omnicloud_tck.locks.tenants import TenantLaws
from omnicloud_tck.machine import Lab
from omnicloud_tck.probes import Scoping
from omnicloud_tck.samples import LONG_ALIKE, NAMES, SEPARATED_ALIKE, look_alikes
from omnicloud_tck.world import World

__all__ = ["LocksContract"]

_SLACK = 0.15
_AT_ONCE = 3.0  # seconds within which a call that does not wait has answered
_SWEEP = 12  # turns of the loop at which a call is cancelled


class LocksContract(
    GrantLaws,
    MannerLaws,
    LocksEdges,
    NameLaws,
    FractionLaws,
    OutageLaws,
    TenantLaws,
    LocksHistories,
    LocksPrograms,
    EveryVerb,
):
    """Every promise of ``Locks``."""

    contract = "locks"

    async def portable(self, world: World[Any]) -> Locks:
        return Locks(await world.pipeline(), clock=world.clock)

    @law(
        "LO-001", "A lock is held by one; a second attempt answers False at once.", rung=Rung.SHAPE
    )
    async def one_holds(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 30)
        for _ in range(3):
            equal(True, await one.acquire(), "acquiring a free lock")
            equal(False, await _at_once(two.acquire()), "acquiring a held lock")
            equal(False, await _at_once(two.acquire()), "acquiring it once more")
            await one.release()
            equal(True, await two.acquire(), "acquiring a released lock")
            equal(False, await _at_once(one.acquire()), "acquiring what passed on")
            await two.release()

    @law("LO-002", "A lock ends with its time to live, fractions included, and not before.")
    async def locks_end_in_time(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        now = world.clock.monotonic
        started, known = now(), {}
        for life in (0.4, 0.9, 1.5):
            equal(True, await one.get_lock(f"{life}", life).acquire(), "acquiring")
            known[life] = now()
        for moment in (0.2, 0.65, 1.2, 1.8):
            await world.sleep(max(0.0, started + moment - now()))
            for life, had in known.items():
                if moment < life:
                    taken = await two.get_lock(f"{life}", 30).acquire()
                    late = now() - started
                    that(not taken or late > life, f"a lock of {life} s was free at {late:.2f} s")
                elif moment - life < 0.5:
                    await world.sleep(max(0.0, had + life + 0.25 - now()))
                    got = await two.get_lock(f"{life}", 0.1).acquire()
                    that(got, f"a lock of {life} s was held after {moment} s")

    @law("LO-003", "The time to live counts from the acquisition.")
    async def lives_begin_with_the_acquisition(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 0.8)
        await world.sleep(1.0)
        equal(True, await one.acquire(), "acquiring with an old handle")
        await world.sleep(0.4)
        equal(False, await two.acquire(), "acquiring while it lives")
        await world.sleep(0.4 + _SLACK)
        equal(True, await two.acquire(), "acquiring after its end")

    @law("LO-004", "Releasing twice, or what passed on, is silent and frees nobody's lock.")
    async def only_the_owner_releases(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 0.4)
        await one.release()
        three = (await self.portable(world)).get_lock("l", 30)
        equal(True, await one.acquire(), "acquiring")
        await three.release()
        equal(False, await two.acquire(), "acquiring after another's release")
        await world.sleep(0.4 + _SLACK)
        equal(True, await three.acquire(), "acquiring after the end")
        await one.release()
        await one.release()
        await two.release()
        equal(False, await two.acquire(), "acquiring after the old holder's release")
        await three.release()
        await three.release()
        equal(True, await two.acquire(), "acquiring after the holder's release")

    @law("LO-005", "A handle that holds is refused like any other, and can be used again.")
    async def handles_are_not_reentrant(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 30)
        for _ in range(2):
            equal(True, await one.acquire(), "acquiring")
            equal(False, await one.acquire(), "acquiring twice with one handle")
            equal(False, await two.acquire(), "acquiring with another")
            await one.release()
        equal(True, await two.acquire(), "acquiring what was released")

    @law("LO-006", "A block is told whether it holds, and releases what it held, whatever happens.")
    async def blocks_release(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 30)
        async with one as acquired:
            equal(True, acquired, "what the block is told")
            async with two as second:
                equal(False, second, "what a block without the lock is told")
            equal(False, await two.acquire(), "acquiring after a block that did not hold it")
        with refused(ArithmeticError, "a block that raises"):
            async with two as acquired:
                equal(True, acquired, "what the next block is told")
                raise ArithmeticError
        task = asyncio.ensure_future(_rest(one, world))
        await world.sleep(0.2)
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        equal(True, await two.acquire(), "acquiring after a raising and a cancelled block")

    @law("LO-007", "Each name, of any Unicode up to 1,024 bytes, is a lock of its own.")
    async def names_are_whole(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        names = [*NAMES, *look_alikes("like-"), *LONG_ALIKE, *SEPARATED_ALIKE]
        for name in names:
            equal(True, await one.get_lock(name, 60).acquire(), f"acquiring {name[:40]!r}")
        for name in names:
            equal(False, await two.get_lock(name, 60).acquire(), f"acquiring {name[:40]!r} again")

    @law("LO-008", "Two tenants with one name have two locks.", rung=Rung.TRUST)
    async def tenants_do_not_meet(self, world: World[Any]) -> None:
        tenants = ("acme", "acme2", "ACME", None)
        many = [Locks(await world.pipeline(Scoping(tenant))) for tenant in tenants]
        held = [locks.get_lock("same", 60) for locks in many]
        for tenant, lock in zip(tenants, held, strict=True):
            equal(True, await lock.acquire(), f"tenant {tenant!r} acquiring")
        await held[0].release()
        for tenant, locks in zip(tenants[1:], many[1:], strict=True):
            found = await locks.get_lock("same", 60).acquire()
            equal(False, found, f"tenant {tenant!r} after another's release")

    @law("LO-009", "Of concurrent attempts one wins, whoever makes them.", rung=Rung.CONCURRENCY)
    async def one_attempt_wins(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        for round_ in range(8):
            handles = [clients[n % 3].get_lock(f"l{round_}", 30) for n in range(9)]
            won = await asyncio.gather(*(handle.acquire() for handle in handles))
            equal(1, sum(won), "attempts that won")
            await handles[won.index(True)].release()
            equal(True, await handles[0].acquire(), "acquiring after the winner's release")

    @law("LO-010", "An attempt that is cancelled leaves nothing held.", rung=Rung.CONCURRENCY)
    async def cancelled_attempts_hold_nothing(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for turns in range(_SWEEP):
            attempt = asyncio.ensure_future(one.get_lock(f"l{turns}", 60).acquire())
            for _ in range(turns):
                await asyncio.sleep(0)
            attempt.cancel()
            await asyncio.wait({attempt}, timeout=10)
            if attempt.cancelled():
                await world.sleep(0.05)
                free = await two.get_lock(f"l{turns}", 60).acquire()
                equal(True, free, f"acquiring after an attempt cancelled at turn {turns}")

    @law(
        "LO-011",
        "Waiting ends with the lock, or at its bound, and leaves nothing behind.",
        rung=Rung.CONCURRENCY,
    )
    async def waiting_is_bounded(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 60)
        await one.acquire()
        started = world.clock.monotonic()
        equal(False, await two.acquire(wait=0.5), "waiting for a held lock")
        took = world.clock.monotonic() - started
        that(0.4 < took < 0.5 + _AT_ONCE, f"waiting for 0.5 s took {took:.2f} s")
        waiter = asyncio.ensure_future(two.acquire(wait=20))
        await world.sleep(0.3)
        equal(False, waiter.done(), "whether the wait was over before the release")
        await one.release()
        equal(True, await waiter, "waiting for a lock that is released")
        equal(False, await one.acquire(), "acquiring what the waiter holds")
        await two.release()
        equal(True, await one.acquire(), "acquiring once no one waits")

    @law("LO-012", "A waiter that is cancelled never acquires.", rung=Rung.CONCURRENCY)
    async def cancelled_waiters_are_gone(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 60)
        three = (await self.portable(world)).get_lock("l", 60)
        await one.acquire()
        waiter = asyncio.ensure_future(two.acquire(wait=20))
        await world.sleep(0.3)
        waiter.cancel()
        await asyncio.wait({waiter}, timeout=10)
        await one.release()
        equal(True, await _at_once(three.acquire()), "acquiring after the waiter was cancelled")
        await world.sleep(0.5)
        equal(False, await one.acquire(), "acquiring what the third holds")

    @law(
        "LO-013",
        "Waiters are granted in the order of their arrival, newcomers after them.",
        needs=[LocksFeature.FAIR],
        rung=Rung.CONCURRENCY,
    )
    async def waiters_come_in_order(self, world: World[Any]) -> None:
        holder, newcomer = await self._handles(world, 60)
        await holder.acquire()
        order: list[int] = []

        async def wait(number: int, lock: Lock) -> None:
            if await lock.acquire(wait=30):
                order.append(number)
                await world.sleep(0.15)
                await lock.release()

        async with asyncio.TaskGroup() as group:
            for number in range(5):
                lock = (await self.portable(world)).get_lock("l", 60)
                group.create_task(wait(number, lock))
                await world.sleep(0.2)
            await holder.release()
            overtaken = 0
            while len(order) < 4:
                if await newcomer.acquire():
                    overtaken += 1
                    await newcomer.release()
                await world.sleep(0.01)
        equal([0, 1, 2, 3, 4], order, "the order of five waiters")
        equal(0, overtaken, "times that a newcomer was first")

    @law(
        "LO-014",
        "A held block keeps its lock beyond the time to live, and gives it back.",
        rung=Rung.RESILIENCE,
    )
    async def held_blocks_renew(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 0.9)
        async with one.held():
            for _ in range(10):
                await world.sleep(0.25)
                equal(False, await two.acquire(), "acquiring while the block is held")
            with refused(ConflictError, "a second held block"):
                async with two.held():
                    that(False, "a block ran beside one that held the lock")
        equal(True, await two.acquire(), "acquiring after the block")

    @law(
        "LO-015",
        "A step of the wall clock frees no lock and keeps none.",
        level=Level.SHOULD,
        abilities=[Ability.STEP_WALL],
    )
    async def wall_clocks_do_not_matter(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 0.8)
        await one.acquire()
        world.step_wall(3600)
        equal(False, await two.acquire(), "acquiring after the wall clock went forward")
        world.step_wall(-7200)
        await world.sleep(0.8 + _SLACK)
        equal(True, await two.acquire(), "acquiring after the end, the wall clock set back")

    @law(
        "LO-016",
        "A time to live or a name that is none is refused before anything is sent.",
        rung=Rung.SHAPE,
    )
    async def arguments_are_checked(self, world: World[Any]) -> None:
        locks = await self.portable(world)
        for name, ttl in (("", 1), ("x" * 1025, 1), ("l", 0), ("l", -1), ("l", -0.5)):
            with refused(InvalidArgumentError, f"{len(name)} characters, {ttl} s"):
                await locks.get_lock(name, ttl).acquire()

    @law(
        "LO-017",
        "A backend that is down gives an error, never an answer; what was held ends as before.",
        abilities=[Ability.OUTAGE],
    )
    async def an_outage_is_an_error(self, world: World[Any]) -> None:
        one, two = await self._handles(world, 30)
        free = (await self.portable(world)).get_lock("free", 30)
        await one.acquire()
        async with world.outage():
            for call in (two.acquire, free.acquire, one.release):
                await _unavailable(call())
        await one.release()
        equal(True, await two.acquire(), "acquiring after outage and release")
        equal(True, await free.acquire(), "acquiring what failed in the outage")

    @law(
        "LO-018",
        "Closing is clean: twice is silent, afterwards calls are refused.",
        rung=Rung.RESILIENCE,
    )
    async def closing_is_clean(self, world: World[Any]) -> None:
        locks, other = await self.portable(world), await self.portable(world)
        await locks.get_lock("l", 30).acquire()
        await locks.aclose()
        await locks.aclose()
        await locks.pipeline.driver.aclose()
        with refused(ClosedError, "acquiring after the close"):
            await locks.get_lock("l", 30).acquire()
        equal(False, await other.get_lock("l", 30).acquire(), "another client's attempt")
        equal(True, await other.get_lock("l2", 30).acquire(), "another client's other lock")

    @law(
        "LO-090",
        "Whatever is done in whatever order, by two clients, grants follow their model.",
        machine=True,
    )
    def it_follows_the_model(self, lab: Lab) -> None:
        self.follow_the_model(lab)

    async def _handles(self, world: World[Any], ttl: float) -> tuple[Lock, Lock]:
        one, two = await self.portable(world), await self.portable(world)
        return one.get_lock("l", ttl), two.get_lock("l", ttl)


async def _at_once(call: Any) -> bool:
    try:
        async with asyncio.timeout(_AT_ONCE):
            answer: bool = await call
    except TimeoutError:
        that(False, f"an attempt that does not wait had not answered after {_AT_ONCE} s")
    return answer


async def _rest(lock: Lock, world: World[Any]) -> None:
    async with lock:
        await world.sleep(30)


async def _unavailable(call: Any) -> None:
    try:
        async with asyncio.timeout(20):
            answer = await call
    except OmniCloudError as error:
        told = isinstance(error, UnavailableError | DeadlineExceededError)
        that(told, f"an outage is told as {type(error).__name__}, not UnavailableError")
    else:
        that(False, f"a call in an outage is answered with {answer!r}")
