"""Secret stores beside lists of versions, the newest first."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from omnicloud.contracts.secrets import Secret, Secrets, SecretsFeature
from omnicloud.contracts.secrets.driver import Await
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.cast import Scene, Step
from omnicloud_tck.programs.model import Failed
from omnicloud_tck.programs.rushing import rushed, so_many
from omnicloud_tck.programs.twins import outcome

__all__ = ["SecretsTwin"]

_ABSENT = Failed("SecretNotFoundError")
_NEAR = 0.5  # seconds around an end of life in which nothing is asked: requests take time
_EXACT = 0.05  # seconds by which what is left of a life may be told wrong, where time is virtual
_SLACK = 60.0  # seconds by which what is left of a life may be told too small
_APART = 600.0  # seconds by which a server's clock may be apart
_SAME = 1.0  # seconds within which two tellings of a moment are one
_WAIT = 5.0


@dataclass(frozen=True, slots=True)
class _Version:
    value: bytes
    version: str
    ends: float | None = None
    late: float = 0.0  # seconds by which it may end later, for its grace began within a call
    created: float | None = None


def _is_near(one: _Version, now: float) -> bool:
    """Whether its end is so near that either answer would be right."""
    return one.ends is not None and one.ends - _NEAR < now < one.ends + one.late + _NEAR


def _ending(one: _Version, end: float, late: float) -> _Version:
    """The version with an end, where it has no earlier one."""
    return one if one.ends is not None and one.ends <= end else replace(one, ends=end, late=late)


class SecretsTwin:
    def __init__(self, scene: Scene) -> None:
        self._clients = tuple(Secrets(pipe) for pipe in scene.pipes)
        self._space = scene.space
        self._world = scene.world
        limit: int = scene.pipes[0].driver.limits.versions_kept
        self._kept = limit if SecretsFeature.VERSIONS in scene.features else 1
        self._has_versions = SecretsFeature.VERSIONS in scene.features
        self._watches = SecretsFeature.WATCH in scene.features
        self._rows: dict[str, list[_Version]] = {}
        self._gone: dict[str, list[str]] = {}

    async def take(self, step: Step) -> None:
        verb, client, *rest = step
        await getattr(self, verb)(self._clients[client], *rest)

    async def end(self) -> None:
        for known in sorted({*self._rows, *self._gone}):
            await self.get(self._clients[0], known)
            if self._has_versions and known in self._rows:
                await self.list_versions(self._clients[1], known)
                await self.every_version(self._clients[0], known)
        await self.list(self._clients[1], "", 3)
        for known in sorted({*self._rows, *self._gone}):
            await self._clients[1].delete(self._space + known)

    # What the model knows

    def _now(self) -> float:
        return self._world.clock.monotonic()

    async def _held(self, name: str) -> list[_Version]:
        """The versions that are readable, at a moment at which that is beyond doubt."""
        held = self._rows.get(name, [])
        while any(_is_near(one, self._now()) for one in held):
            await self._world.sleep(2 * _EXACT)
        live = [one for one in held if one.ends is None or one.ends > self._now()]
        self._end(name, [one for one in held if one not in live])
        if name in self._rows:
            self._rows[name] = live
        return live

    def _end(self, name: str, versions: list[_Version]) -> None:
        self._gone.setdefault(name, []).extend(one.version for one in versions)

    def _wrote(self, name: str, value: bytes, version: str) -> None:
        held = self._rows.get(name, [])
        known = {one.version for one in held} | set(self._gone.get(name, ()))
        that(version and version not in known, f"a version of {name!r} came twice")
        versions = [_Version(value, version), *held]
        self._rows[name] = versions[: self._kept]
        self._end(name, versions[self._kept :])

    # The verbs

    async def _read(self, secrets: Secrets, name: str, version: str | None = None) -> object:
        found = await outcome(secrets.get(self._space + name, version=version))
        return found if isinstance(found, Failed) else (found.reveal_bytes(), found.version)

    async def get(self, secrets: Secrets, name: str) -> None:
        held = await self._held(name)
        expected = (held[0].value, held[0].version) if held else _ABSENT
        equal(expected, await self._read(secrets, name), f"get {name!r}")

    async def previous(self, secrets: Secrets, name: str) -> None:
        held = await self._held(name)
        found = await outcome(secrets.previous(self._space + name))
        got = found if isinstance(found, Failed) else (found.reveal_bytes(), found.version)
        expected = (held[1].value, held[1].version) if len(held) > 1 else _ABSENT
        equal(expected, got, f"the version of {name!r} before the current one")

    async def set(self, secrets: Secrets, name: str, value: bytes, form: int) -> None:
        await self._held(name)
        self._wrote(name, value, await secrets.set(self._space + name, _in_form(value, form)))

    async def many(self, secrets: Secrets, name: str, count: int) -> None:
        """Several writes of one value and another."""
        for number in range(count):
            await self.set(secrets, name, b"%d" % (number % 2), 0)

    async def rotate(self, secrets: Secrets, name: str, value: bytes, grace: float) -> None:
        older = await self._held(name)
        before = self._now()
        version = await secrets.rotate(self._space + name, value, grace=grace)
        if grace:
            took = self._now() - before
            self._rows[name] = [_ending(one, before + grace, took) for one in older]
        else:
            self._rows.pop(name, None)
            self._end(name, older)
        self._wrote(name, value, version)

    async def get_version(self, secrets: Secrets, name: str, which: int) -> None:
        held = await self._held(name)
        one = held[which % len(held)] if held else None
        found = await self._read(secrets, name, one.version if one else "no such version")
        expected = (one.value, one.version) if one else _ABSENT
        equal(expected, found, f"a version of {name!r}")

    async def every_version(self, secrets: Secrets, name: str) -> None:
        for which in range(max(1, len(await self._held(name)))):
            await self.get_version(secrets, name, which)

    async def get_gone(self, secrets: Secrets, name: str, which: int) -> None:
        gone = self._gone.get(name) or ["no such version"]
        found = await self._read(secrets, name, gone[which % len(gone)])
        equal(_ABSENT, found, f"a version of {name!r} that is gone")

    async def get_others(self, secrets: Secrets, name: str, other: str) -> None:
        """A version of another name, or none at all."""
        await self.get_gone(secrets, name, 0)
        own = {one.version for one in await self._held(name)} | set(self._gone.get(name, ()))
        for one in await self._held(other):
            if one.version not in own:
                found = await self._read(secrets, name, one.version)
                equal(_ABSENT, found, f"a version of {other!r}, asked of {name!r}")

    async def list_versions(self, secrets: Secrets, name: str) -> None:
        held = await self._held(name)
        asked = self._now()
        found = await outcome(secrets.list_versions(self._space + name))
        if not held or isinstance(found, Failed):
            equal(None if held else _ABSENT, found, f"versions of {name!r}")
            return
        names = [one.version for one in held]
        equal(names, [info.version for info in found], f"versions of {name!r}")
        seen = []
        for one, info in zip(held, found, strict=True):
            self._lasts(one, info.expires_in, name, asked)
            seen.append(replace(one, created=self._created(one, info.created, name)))
        self._rows[name] = seen

    def _lasts(self, one: _Version, left: float | None, name: str, asked: float) -> None:
        if one.ends is None:
            that(left is None, f"a version of {name!r} for ever has {left} s left")
        else:
            least, most = one.ends - self._now(), one.ends + one.late - asked
            slack = _EXACT if self._world.virtual else _SLACK
            good = left is not None and least - slack < left <= most + slack
            that(good, f"a version of {name!r} with {most:.1f} s left has {left}")

    def _created(self, one: _Version, told: float, name: str) -> float:
        if one.created is None:
            late = told - self._world.clock.wall()
            that(late < _APART, f"a version of {name!r} was created {late:.0f} s from now")
            return told
        same = abs(one.created - told) < _SAME
        that(same, f"a version of {name!r} was created at {one.created}, then at {told}")
        return one.created

    async def delete(self, secrets: Secrets, name: str) -> None:
        held = await self._held(name)
        deleted = await secrets.delete(self._space + name)
        equal(bool(held), deleted, f"delete {name!r}")
        self._rows.pop(name, None)
        self._end(name, held)

    async def list(self, secrets: Secrets, prefix: str, size: int) -> None:
        found = [one async for one in secrets.list(self._space + prefix, page_size=size)]
        names = sorted(self._space + name for name in self._rows if name.startswith(prefix))
        equal(names, found, f"list {prefix!r}, {size} a page")

    async def torn(self, secrets: Secrets, size: int, victim: str) -> None:
        """A listing between whose pages a secret is deleted, or made where there is none."""
        seen: list[str] = []
        before = {self._space + name for name in self._rows}
        async for one in secrets.list(self._space, page_size=size):
            seen.append(one)
            if len(seen) == 1 and victim in self._rows:
                await self.delete(secrets, victim)
            elif len(seen) == 1:
                await self.set(secrets, victim, b"new", 0)
        without = {self._space + victim}
        rest = [one for one in seen if one not in without]
        equal(sorted(before - without), rest, f"a listing while {victim!r} changed")

    async def wait(self, secrets: Secrets, name: str, known: int) -> None:
        """The current version as soon as it is not the one that is known."""
        held = await self._held(name)
        current = held[0].version if held else None
        asked = (current, "no such version", None)[known % 3]
        if asked == current and not self._world.virtual:
            return
        began = self._now()
        found = await secrets.pipeline.send(Await(self._space + name, asked, _WAIT))
        equal(current, found, f"the version of {name!r}, waited for")
        long = asked != current or self._now() - began > _WAIT - _NEAR
        that(long, f"who waited {_WAIT:g} s for a change of {name!r} was told sooner of none")

    async def woken(self, secrets: Secrets, name: str, way: int, value: bytes) -> None:
        """Several wait for a change that another client makes."""
        held = await self._held(name)
        known = held[0].version if held else None
        op = Await(self._space + name, known, _WAIT)
        waiting = [
            asyncio.ensure_future(client.pipeline.send(op))
            for client in (secrets, *self._clients, secrets)
        ]
        await self._world.sleep(0.05)
        other = self._other(secrets)
        if way == 1 and self._has_versions:
            await self.rotate(other, name, value, 900.0)
        elif way == 2 and held:
            await self.delete(other, name)
        else:
            await self.set(other, name, value, 0)
        now = await self._held(name)
        version = now[0].version if now else None
        told = await asyncio.gather(*waiting)
        equal([version] * len(waiting), told, f"what those who wait for {name!r} are told")

    async def every(self, secrets: Secrets, name: str, known: int, seconds: float) -> None:
        """Every verb about one name, with rests between."""
        clients = itertools.cycle((secrets, self._other(secrets)))

        async def ask(verb: Callable[..., Awaitable[None]], *what: Any) -> None:
            await self.rest(secrets, seconds)
            await verb(next(clients), *what)

        await ask(self.get, name)
        await ask(self.set, name, b"spelt", 0)
        await ask(self.set, f"{name}+", b"beside", 0)
        await ask(self.list, name, 1)
        if self._has_versions:
            await ask(self.rotate, name, b"anew", 900.0)
            await ask(self.list_versions, name)
            await ask(self.every_version, name)
        if self._watches:
            await ask(self.wait, name, known)
        await ask(self.get, name)
        await ask(self.delete, name)
        await ask(self.get, name)

    async def rush(self, _: Secrets, name: str, count: int) -> None:
        """Many calls of each verb at once, most of them of names of their own."""
        names = [f"{name}~{number}" for number in range(so_many(count, self._world.virtual))]
        turns = [(self._clients[place % 2], one) for place, one in enumerate(names)]
        await rushed(self.set(client, one, one.encode(), 0) for client, one in turns)
        await rushed(self.get(client, one) for client, one in turns)
        await rushed(self.get(client, names[0]) for client, _ in turns)
        await rushed(self.list(client, one, 1000) for client, one in turns)
        if self._has_versions:
            await rushed(self.list_versions(client, one) for client, one in turns)
        if self._watches:
            await rushed(self.wait(client, one, 1) for client, one in turns)
        await rushed(self.delete(client, one) for client, one in turns)
        await self.list(self._clients[0], name, 1000)

    def _other(self, secrets: Secrets) -> Secrets:
        return next(client for client in self._clients if client is not secrets)

    async def rest(self, _: Secrets, seconds: float) -> None:
        """Let time pass, where that costs none."""
        if self._world.virtual:
            await self._world.sleep(seconds)


def _in_form(value: bytes, form: int) -> Any:
    """The value as bytes, as a secret, or as text where it is some."""
    if form == 1:
        return Secret(value, name="x", version="y")
    try:
        return value.decode() if form == 2 else value
    except UnicodeDecodeError:
        return value
