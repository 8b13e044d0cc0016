"""Laws that hold for every contract that keeps payloads under names.

A contract's class says with five small methods how its payloads are put, taken, removed and
listed; the laws here do the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any

from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ClosedError,
    DeadlineExceededError,
    OmniCloudError,
    UnavailableError,
)
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.general.verbs import Quiet
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.probes import PlainSeal, Scoping, Sealing, Witness
from omnicloud_tck.samples import LONG_ALIKE, NAMES, PAYLOADS, SEPARATED_ALIKE, look_alikes
from omnicloud_tck.stalls import longest_stall
from omnicloud_tck.world import World

__all__ = ["Common", "Kept"]

Pipe = Pipeline[Any]

_CANARY = b"canary-7f3a9c"
_OUTAGE_SECONDS = 20.0
_AT_A_TIME = 30  # payloads
_SWEEP = 12  # turns of the loop at which a call is cancelled


class Common(Feature):
    """Features that several contracts know by the same name."""

    DURABLE = "durable"
    TRANSACTION = "transaction"


class Kept(Quiet):
    """Names, payloads, tenants, seals, cancellation, outages, closing."""

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        """Store the payload under the name, over what was there."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are put")

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        """The payload stored under the name, ``None`` where there is none."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are taken")

    async def remove(self, pipeline: Pipe, name: str) -> None:
        """Remove the payload."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are removed")

    async def names(self, pipeline: Pipe) -> set[str] | None:
        """All names, or ``None`` where the contract or the driver cannot list."""
        return None

    def payloads(self, pipeline: Pipe) -> tuple[bytes, ...]:
        """Payloads that the contract, at the driver's limits, can keep."""
        return PAYLOADS

    @law("G-001", "Names are any Unicode of 1 to 1,024 bytes of UTF-8, and each is its own.")
    async def names_are_any_unicode(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for number, name in enumerate(NAMES):
            await self.put(pipe, name, b"%d" % number)
        for number, name in enumerate(NAMES):
            equal(b"%d" % number, await self.take(pipe, name), f"name {name[:40]!r}")

    @law("G-006", "Every name is listed as it was given, once, and no name that was removed.")
    async def names_are_listed_whole(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for name in NAMES:
            await self.put(pipe, name, b"payload")
        for name in NAMES[::4]:
            await self.remove(pipe, name)
        listed = await self.names(pipe)
        if listed is not None:
            left = set(NAMES) - set(NAMES[::4])
            equal([], sorted(left - listed), "names that are not listed")
            equal([], sorted(listed - left), "names that are listed, and should not be")

    @law(
        "G-002",
        "Names that a careless join, escape or cut would make one stay apart.",
        patience=600.0,
    )
    async def look_alikes_stay_apart(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        # A cache may keep no more at once.
        for names in (look_alikes("like-"), LONG_ALIKE, SEPARATED_ALIKE):
            for name in names:
                equal(None, await self.take(pipe, name), f"{name[:40]!r} before it is put")
                await self.put(pipe, name, name.encode())
            for name in names:
                equal(name.encode(), await self.take(pipe, name), f"name {name[:40]!r}")

    @law("G-003", "Payloads come back byte for byte, from 0 bytes on.", patience=600.0)
    async def payloads_are_byte_exact(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        payloads = list(enumerate(self.payloads(pipe)))
        while payloads:  # some at a time: a cache may keep few
            some, payloads = payloads[:_AT_A_TIME], payloads[_AT_A_TIME:]
            for number, payload in some:
                await self.put(pipe, f"payload-{number}", payload)
            for number, payload in some:
                equal(payload, await self.take(pipe, f"payload-{number}"), f"payload {number}")

    @law(
        "G-004",
        "An acknowledged write or removal is read by every client from then on, also by one that "
        "has read before and writes nothing.",
        rung=Rung.CONCURRENCY,
    )
    async def every_client_reads_the_write(self, world: World[Any]) -> None:
        one, two, looker = [await world.pipeline() for _ in range(3)]
        for number in range(12):
            writer, reader = (one, two) if number % 2 else (two, one)
            name = f"shared-{number}"
            for payload in (None, b"round %d" % number, b"again %d" % number, None):
                if payload is not None:
                    await self.put(writer, name, payload)
                else:
                    await self.remove(writer, name)
                if payload is None:  # which for some contracts is known after a while only
                    both = await asyncio.gather(*(self.take(c, name) for c in (reader, looker)))
                    equal([None, None], both, f"turn {number}")
                    continue
                for client in (reader, looker):
                    equal(payload, await self.take(client, name), f"turn {number}")

    @law(
        "G-005",
        "Removing what is not there is no error, and removes nothing else.",
        rung=Rung.SHAPE,
    )
    async def removing_nothing_is_no_error(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await self.put(pipe, "kept", b"kept")
        for name in ("missing", "kep", "kept2", "kept/", "KEPT"):
            await self.remove(pipe, name)
        equal(b"kept", await self.take(pipe, "kept"), "the neighbour of what was removed")

    @law(
        "G-010",
        "Two tenants with one name have two payloads; removing one leaves the other.",
        rung=Rung.TRUST,
    )
    async def tenants_do_not_meet(self, world: World[Any]) -> None:
        tenants = ("acme", "acme2", "ac", "ACME", "../acme", "acme/x", "a::b", "a", None)
        pipes = [await world.pipeline(Scoping(tenant)) for tenant in tenants]
        for tenant, pipe in zip(tenants, pipes, strict=True):
            equal(None, await self.take(pipe, "same"), f"tenant {tenant!r} before it wrote")
            await self.put(pipe, "same", repr(tenant).encode())
        for gone, pipe in enumerate(pipes):
            await self.remove(pipe, "same")
            for later in range(gone + 1, len(pipes)):
                expected = repr(tenants[later]).encode()
                taken = await self.take(pipes[later], "same")
                equal(expected, taken, f"tenant {tenants[later]!r} after {tenants[gone]!r} removed")

    @law("G-011", "No name climbs out of its tenant's namespace.", rung=Rung.TRUST)
    async def names_do_not_climb(self, world: World[Any]) -> None:
        acme = await world.pipeline(Scoping("acme"))
        other = await world.pipeline(Scoping("other"))
        outside = await world.pipeline(Scoping(None))
        await self.put(acme, "k", b"secret of acme")
        climbs = ("../acme/k", "~acme/k", "/acme/k", "acme/k", "..%2facme%2fk", "~~acme/k", "\0k")
        for name in climbs:
            equal(None, await self.take(other, name), f"{name!r} asked for by another tenant")
            equal(None, await self.take(outside, name), f"{name!r} asked for outside all tenants")
            await self.put(other, name, b"written by other")
            await self.put(outside, name, b"written outside")
        equal(b"secret of acme", await self.take(acme, "k"), "after the others wrote")

    @law("G-012", "Listing shows a tenant its own names and no one else's.", rung=Rung.TRUST)
    async def listing_does_not_leak(self, world: World[Any]) -> None:
        mine: dict[str | None, set[str]] = {
            "acme": {"a", "~b", "c/d"},
            "x": {"a"},
            None: {"z", "~z"},
        }
        pipes = {tenant: await world.pipeline(Scoping(tenant)) for tenant in mine}
        for tenant, names in mine.items():
            for name in sorted(names):
                await self.put(pipes[tenant], name, b"payload")
        for tenant, names in mine.items():
            listed = await self.names(pipes[tenant])
            if listed is not None:
                equal(names, listed, f"names of tenant {tenant!r}")

    @law(
        "G-020", "With encryption no payload byte reaches the driver in the clear.", rung=Rung.TRUST
    )
    async def sealed_payloads_stay_closed(self, world: World[Any]) -> None:
        witness = Witness()
        pipe = await world.pipeline(Scoping("acme"), Sealing(PlainSeal()), witness)
        await self.put(pipe, "sealed", _CANARY)
        equal(_CANARY, await self.take(pipe, "sealed"), "the sealed payload, opened")
        await self.put(pipe, "empty", b"")
        equal(b"", await self.take(pipe, "empty"), "the sealed empty payload, opened")
        that(not witness.has_seen(_CANARY), "the driver was given the payload in the clear")
        plain = await self.take(await world.pipeline(Scoping("acme")), "sealed")
        that(plain is None or _CANARY not in plain, "what is stored holds the payload in the clear")

    @law(
        "G-030",
        "A call cancelled at any point leaves the others, and the next, right answers.",
        rung=Rung.CONCURRENCY,
    )
    async def cancelled_calls_do_no_harm(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for number in range(4):
            await self.put(pipe, f"fixed-{number}", b"fixed %d" % number)
        for turns in range(_SWEEP):
            await _cancelled_after(turns, self.take(pipe, "fixed-0"))
            await self._fixed_are_right(pipe, f"a read cancelled at turn {turns}")
            await _cancelled_after(turns, self.put(pipe, f"torn-{turns}", b"torn"))
            await self._fixed_are_right(pipe, f"a write cancelled at turn {turns}")
            found = await self.take(pipe, f"torn-{turns}")
            that(found in (None, b"torn"), "a cancelled write was done in part")

    async def _fixed_are_right(self, pipe: Pipe, after: str) -> None:
        answers = await asyncio.gather(*(self.take(pipe, f"fixed-{n}") for n in range(1, 4)))
        equal([b"fixed 1", b"fixed 2", b"fixed 3"], answers, f"after {after}")

    @law("G-031", "Concurrent callers never see each other's answers.", rung=Rung.CONCURRENCY)
    async def answers_belong_to_the_asker(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()

        async def work(number: int) -> None:
            for turn in range(4):
                payload = b"%d-%d" % (number, turn) * (1 + 37 * (number % 5))
                name = f"of-{number}-{turn % 2}"  # few names: what is kept may be bounded
                await self.put(one if number % 2 else two, name, payload)
                taken = await self.take(two if turn % 2 else one, name)
                equal(payload, taken, f"caller {number}, turn {turn}")

        async with asyncio.TaskGroup() as group:
            for number in range(24):
                group.create_task(work(number))

    @law("G-032", "Calls do not block the event loop.", alone=True, rung=Rung.CONCURRENCY)
    async def the_loop_is_not_blocked(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await self.put(pipe, "warm", b"up")
        stalls: list[float] = []
        for number in range(15):
            stalls.append(await longest_stall(self.put(pipe, f"stall-{number}", b"x" * 64)))
            stalls.append(await longest_stall(self.take(pipe, f"stall-{number}")))
        puts, takes = sorted(stalls[::2]), sorted(stalls[1::2])
        # A busy machine holds up some calls of any provider; one that blocks holds up all.
        worst = max(puts[len(puts) // 4], takes[len(takes) // 4])
        that(worst < 0.010, f"three in four calls keep the loop for {worst * 1e3:.0f} ms and more")

    @law(
        "G-040",
        "Closing is clean: twice is silent, afterwards calls are refused.",
        rung=Rung.RESILIENCE,
    )
    async def closing_is_clean(self, world: World[Any]) -> None:
        pipe, other = await world.pipeline(), await world.pipeline()
        await self.put(pipe, "before", b"close")
        await pipe.aclose()
        await pipe.aclose()
        await pipe.driver.aclose()
        with refused(ClosedError, "a call after the close"):
            await self.take(pipe, "before")
        equal(b"close", await self.take(other, "before"), "another client after the close")

    @law(
        "G-041",
        "A backend that is down gives an error, never an answer, and works again when up.",
        abilities=[Ability.OUTAGE],
    )
    async def an_outage_is_an_error(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await self.put(pipe, "there", b"before")
        async with world.outage():
            await _unavailable(self.take(pipe, "there"), "reading what is there")
            await _unavailable(self.take(pipe, "not there"), "reading what is not there")
            await _unavailable(self.put(pipe, "there", b"during"), "a write")
            await _unavailable(self.remove(pipe, "there"), "a removal")
        that(await self.take(pipe, "there") in (b"before", b"during", None), "another payload")
        await self.put(pipe, "there", b"after")
        equal(b"after", await self.take(pipe, "there"), "after the outage")

    @law(
        "G-042",
        "What was acknowledged survives a crash of the backend where durable is declared.",
        needs=[Common.DURABLE],
        abilities=[Ability.RESTART],
    )
    async def acknowledged_survives_a_crash(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for number in range(60):
            await self.put(pipe, f"durable-{number}", b"%d" % number)
        await self.remove(pipe, "durable-0")
        await world.restart()
        pipe = await world.pipeline()
        equal(None, await self.take(pipe, "durable-0"), "what was removed before the crash")
        for number in range(1, 60):
            taken = await self.take(pipe, f"durable-{number}")
            equal(b"%d" % number, taken, f"write {number} of 60 before the crash")

    @law(
        "G-043", "Calls leak neither file descriptors nor tasks.", alone=True, rung=Rung.RESILIENCE
    )
    async def nothing_leaks(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for number in range(5):
            await self.put(pipe, f"warm-{number}", b"up")
            await self.take(pipe, f"warm-{number}")
        before = _open_files(), len(asyncio.all_tasks())
        for number in range(60):
            await self.put(pipe, f"leak-{number % 7}", b"x")
            await self.take(pipe, f"leak-{number % 7}")
            if number % 2:
                await self.take(pipe, "missing")
        files, tasks = _open_files() - before[0], len(asyncio.all_tasks()) - before[1]
        that(files < 20, f"150 calls left {files} more file descriptors open")
        that(tasks < 20, f"150 calls left {tasks} more tasks running")


async def _cancelled_after(turns: int, call: Any) -> None:
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _unavailable(call: Any, about: str) -> None:
    try:
        async with asyncio.timeout(_OUTAGE_SECONDS):
            answer = await call
    except OmniCloudError as error:
        told = isinstance(error, UnavailableError | DeadlineExceededError)
        that(told, f"{about} in an outage is told as {type(error).__name__}, not UnavailableError")
    except TimeoutError:
        that(False, f"{about} in an outage had not ended after {_OUTAGE_SECONDS:.0f} s")
    else:
        that(False, f"{about} in an outage is answered with {type(answer).__name__}")


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are not wanted
    except OSError:
        return 0
