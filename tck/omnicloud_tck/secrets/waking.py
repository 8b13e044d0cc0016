"""The laws of secrets about who waits for a change, and about values of few letters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.secrets import Secrets, SecretsFeature
from omnicloud.contracts.secrets.driver import Await
from omnicloud.errors import SecretNotFoundError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.telling import heard, tells
from omnicloud_tck.world import World

__all__ = ["WakingLaws"]

_WAIT, _SOON = 60.0, 20.0  # seconds: of a long poll, and in which a change ends it
_BEFORE = 0.05  # seconds that it has waited by then
_SHORT = ("qZ~v", "qZ~vWx", "qZ~vW9~k", "qZ~vW9~kqZ~v", "qZ~vW9~kqZ~v\n")
_PIECE = 4  # characters of a value that are nowhere by chance


class WakingLaws(Contract):
    """What happened is told when it happened; a value is told nowhere, however short."""

    @law(
        "SEC-063",
        "Who waits for a change is told when it comes, by whatever verb, not when the wait ends.",
        needs=[SecretsFeature.WATCH],
        rung=Rung.CONCURRENCY,
        patience=3600.0,
    )
    async def every_change_ends_the_wait(self, world: World[Any]) -> None:
        clients = [Secrets(await world.pipeline()) for _ in range(3)]
        other, known = clients[-1], None
        for way, change in _WAYS:
            if (
                way == "a rotation"
                and SecretsFeature.VERSIONS not in other.pipeline.driver.features
            ):
                continue
            waiting = [
                asyncio.ensure_future(secrets.pipeline.send(Await("k", known, _WAIT)))
                for secrets in clients
            ]
            await world.sleep(_BEFORE)
            await change(other)
            await asyncio.wait(waiting, timeout=_SOON)
            late = [wait for wait in waiting if not wait.done()]
            for wait in late:
                wait.cancel()
            that(not late, f"{len(late)} of 3 who wait are not told of {way} in {_SOON:.0f} s")
            known = await _version(other)
            equal([known] * 3, [wait.result() for wait in waiting], f"what is told of {way}")

    @law(
        "SEC-064",
        "A value of few letters is told nowhere either: in no log, output, warning or error.",
        alone=True,
        rung=Rung.TRUST,
    )
    async def short_values_are_told_nowhere(self, world: World[Any]) -> None:
        with heard() as told:
            secrets = Secrets(await world.pipeline())
            for value in (*_SHORT, _SHORT[0]):
                await secrets.set("short", value)
                told.write(f"{await secrets.get('short')!r}")
                if SecretsFeature.VERSIONS in secrets.pipeline.driver.features:
                    await secrets.rotate("short", value, grace=60.0)
            await secrets.delete("short")
        that(not tells(told.getvalue(), _SHORT[0], _PIECE), "a value was told, or a piece of one")


async def _version(secrets: Secrets) -> str | None:
    try:
        return (await secrets.get("k")).version
    except SecretNotFoundError:
        return None


_WAYS: tuple[tuple[str, Callable[[Secrets], Awaitable[object]]], ...] = (
    ("a first set", lambda secrets: secrets.set("k", "1")),
    ("a set", lambda secrets: secrets.set("k", "2")),
    ("a rotation", lambda secrets: secrets.rotate("k", "3", grace=60.0)),
    ("a delete", lambda secrets: secrets.delete("k")),
    ("a set of what was deleted", lambda secrets: secrets.set("k", "1")),
)
"""Ways of changing a secret, one after another."""
