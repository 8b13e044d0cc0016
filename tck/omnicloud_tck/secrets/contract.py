"""The laws of the secrets contract."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omnicloud.contracts.secrets import Secrets, SecretsFeature
from omnicloud.contracts.secrets.driver import Await, Get, List
from omnicloud.errors import InvalidArgumentError, OmniCloudError, SecretNotFoundError
from omnicloud_tck.check import collect, each, equal, refused, that
from omnicloud_tck.general.cursors import Cursors
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.pages import Paged
from omnicloud_tck.general.silence import Silences
from omnicloud_tck.general.steady import Steady
from omnicloud_tck.general.waits import Waits
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.samples import PAYLOADS
from omnicloud_tck.secrets.lasting import LastingLaws
from omnicloud_tck.secrets.more import SecretsMore
from omnicloud_tck.secrets.programs import SecretsPrograms
from omnicloud_tck.secrets.told import ToldLaws
from omnicloud_tck.secrets.versions import VersionLaws
from omnicloud_tck.secrets.waking import WakingLaws
from omnicloud_tck.telling import everything, heard, tells
from omnicloud_tck.world import World

__all__ = ["SecretsContract"]

_VERSIONS = [SecretsFeature.VERSIONS]
_WATCH = [SecretsFeature.WATCH]
_CANARY = "kQ~vW~zJ~xY~pR~tM~bD"
_ENOUGH = 4  # characters of it; no four of them are anywhere by chance
_ODD = (b"", b"\n", b"line\n", b" around ", b"\r\n", b"\0", b"a\0b", b"\xff\xfe", b"***")


class SecretsContract(
    SecretsMore,
    VersionLaws,
    LastingLaws,
    WakingLaws,
    SecretsPrograms,
    Paged,
    Silences,
    Steady,
    ToldLaws,
    Cursors,
    Waits,
):
    """Every promise of ``Secrets``."""

    contract = "secrets"

    async def portable(self, world: World[Any]) -> Secrets:
        return Secrets(await world.pipeline())

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        await Secrets(pipeline).set(name, payload)

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        try:
            return (await Secrets(pipeline).get(name)).reveal_bytes()
        except SecretNotFoundError:
            return None

    async def remove(self, pipeline: Pipe, name: str) -> None:
        await Secrets(pipeline).delete(name)

    async def names(self, pipeline: Pipe) -> set[str] | None:
        return {name async for name in Secrets(pipeline).list()}

    def payloads(self, pipeline: Pipe) -> tuple[bytes, ...]:
        limit = pipeline.driver.limits.value_max_bytes
        return tuple(payload for payload in PAYLOADS if len(payload) <= limit)

    @law(
        "SEC-001",
        "The last value set is the value got, to the byte, an empty one included.",
        rung=Rung.SHAPE,
    )
    async def values_are_kept_to_the_byte(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        for value in _ODD:
            version = await secrets.set("k", value)
            got = await secrets.get("k")
            equal(value, got.reveal_bytes(), "the value")
            equal(version, got.version, "the version of the value")
            that(got == value, "the secret does not equal its value")

    @law("SEC-002", "A name that was never set, or was deleted, is not found.", rung=Rung.SHAPE)
    async def absence_is_an_error(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        with refused(SecretNotFoundError, "a name never set"):
            await secrets.get("k")
        equal(False, await secrets.delete("k"), "delete of a name never set")
        await secrets.set("k", "")
        equal(True, await secrets.delete("k"), "delete of a secret")
        with refused(SecretNotFoundError, "a deleted secret"):
            await secrets.get("k")
        equal(False, await secrets.delete("k"), "delete of a deleted secret")

    @law("SEC-003", "A name is matched exactly.")
    async def names_match_exactly(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        await secrets.set("tck/secrets/my-secret", "value")
        for name in (
            "tck/secrets/my",
            "tck/secrets/my-secret/",
            "tck/secrets/my-secret2",
            "tck/secrets/MY-SECRET",
            "tck/secrets/my_secret",
            "my-secret",
            "/tck/secrets/my-secret",
            "tck/secrets/x/../my-secret",
            "tck//secrets/my-secret",
            " tck/secrets/my-secret",
            "tck/secrets/my-secret\n",
            "tck/secrets/*",
            "tck.secrets.my-secret",
        ):
            with refused(SecretNotFoundError, f"{name!r}, which was never set"):
                await secrets.get(name)

    @law(
        "SEC-004",
        "A change is seen by every client from then on: nothing is cached.",
        rung=Rung.CONCURRENCY,
    )
    async def changes_are_seen(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for _ in range(2):
            with refused(SecretNotFoundError, "before it is set"):
                await two.get("k")
        for number in range(6):
            value = f"value {number}"
            await one.set("k", value)
            for secrets in (two, one, two):
                that(await secrets.get("k") == value, f"change {number} was not seen")
        await one.delete("k")
        with refused(SecretNotFoundError, "after another client deleted it"):
            await two.get("k")

    @law(
        "SEC-005",
        "An unknown name is found nowhere else, not in the environment either.",
        rung=Rung.TRUST,
    )
    async def the_environment_is_not_asked(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        for name in ("OMNICLOUD_TCK_SECRET", "omnicloud_tck_secret", "omnicloud/tck/secret"):
            variable = name.upper().replace("/", "_")
            os.environ[variable] = _CANARY
            try:
                with refused(SecretNotFoundError, f"{name!r}, a variable of the environment"):
                    await secrets.get(name)
            finally:
                del os.environ[variable]

    @law(
        "SEC-006",
        "No value, and no piece of one, is in a log, an output, a warning, an error or a repr.",
        alone=True,
        rung=Rung.TRUST,
    )
    async def values_are_told_nowhere(self, world: World[Any]) -> None:
        with heard() as told:
            secrets = await self.portable(world)
            await secrets.set("told", _CANARY)
            stored = await secrets.pipeline.send(Get("told"))
            told.write(f"{stored!r} {await secrets.get('told')!r} {await secrets.get('told')}")
            await secrets.set("told", _CANARY + "2")
            for name in ("missing", "tol", "told "):
                told.write(await _error_of(secrets, name))
            limit = secrets.pipeline.driver.limits.value_max_bytes
            try:
                await secrets.set("told", _CANARY * (limit // len(_CANARY) + 1))
            except OmniCloudError as error:
                told.write(everything(error))
            await secrets.delete("told")
            told.write(await _error_of(secrets, "told"))
        that(not tells(told.getvalue(), _CANARY, _ENOUGH), "a value was told, or a piece of one")

    @law("SEC-007", "The not-found error names the asked name only.", rung=Rung.TRUST)
    async def errors_name_no_others(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        for name in ("asked-x", "asked", "other-name-of-a-secret"):
            await secrets.set(name, _CANARY)
        text = await _error_of(secrets, "asked-")
        for hidden in ("other-name-of-a-secret", "asked-x"):
            that(hidden not in text, "the not-found error tells of other secrets")
        that(not tells(text, _CANARY, _ENOUGH), "the not-found error tells a value")

    @law(
        "SEC-008",
        "A value of value_max_bytes is kept, a longer one refused, nothing written.",
        rung=Rung.SHAPE,
    )
    async def the_limit_is_true(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        limit = secrets.pipeline.driver.limits.value_max_bytes
        value = (bytes(range(256)) * (limit // 256 + 1))[:limit]
        await secrets.set("k", value)
        with refused(InvalidArgumentError, "a value over the limit"):
            await secrets.set("k", value + b"x")
        that(
            (await secrets.get("k")).reveal_bytes() == value, "the longest value came back changed"
        )

    @law("SEC-009", "Listing gives each name with the prefix once, by code point, page by page.")
    async def listing_is_whole(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        names = ["a_1", "a_2", "ab", "a%c", "A_1", "b", "é", "a/x", "\U0001f980", "\uffee", "a"]
        for name in names:
            await secrets.set(name, _CANARY)
        for prefix in ("", "a", "a_", "a%", "zz", "é"):
            expected = sorted(name for name in names if name.startswith(prefix))
            for size in (1, 2, 1000):
                found = [name async for name in secrets.list(prefix, page_size=size)]
                equal(expected, found, f"names with prefix {prefix!r}, by {size}")
        listed = [name async for name in _deleting_between(secrets)]
        equal(sorted(n for n in names if n.startswith("a")), listed, "with a delete between")

    @law("SEC-010", "Versions are read by their own name, newest listed first.", needs=_VERSIONS)
    async def versions_are_kept(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        count = min(4, secrets.pipeline.driver.limits.versions_kept)
        made = [await secrets.set("k", f"value {n}") for n in range(count)]
        other = await secrets.set("other", "other")
        equal(count, len(set(made)), "versions of so many writes")
        for number, version in enumerate(made):
            got = await secrets.get("k", version=version)
            that(got == f"value {number}", f"version {number} has another value")
            equal(version, got.version, "the version got")
        listed = [info.version for info in await secrets.list_versions("k")]
        equal(made[::-1], listed, "versions, the current one first")
        that(await secrets.get("k") == f"value {count - 1}", "the newest is not current")
        for strange in {"no such version", "0", "latest", other} - set(made):
            with refused(SecretNotFoundError, "a version that this secret never had"):
                await secrets.get("k", version=strange)
        with refused(SecretNotFoundError, "versions of a name never set"):
            await secrets.list_versions("never")
        if count > 1:
            that(await secrets.previous("k") == f"value {count - 2}", "previous is another one")

    @law("SEC-011", "After a rotation older versions end with the grace.", needs=_VERSIONS)
    async def a_grace_ends(self, world: World[Any]) -> None:
        secrets, other = await self.portable(world), await self.portable(world)
        old = await secrets.set("k", "old")
        ends = world.clock.monotonic() + 0.6  # at the earliest
        new = await secrets.rotate("k", "new", grace=0.6)
        that(await secrets.get("k") == "new", "a rotated secret is not current at once")
        await world.sleep(0.4)
        for call in each(other.get("k", version=old), other.previous("k")):
            try:
                that(await call == "old", "another value within the grace")
            except SecretNotFoundError:
                # Several requests of a far service may take what is left of the grace.
                late = world.clock.monotonic() >= ends
                that(late, "the old version ended before its grace")
        await world.sleep(0.4)
        for call in each(other.get("k", version=old), other.previous("k")):
            with refused(SecretNotFoundError, "the old version after its grace"):
                await call
        equal([new], [i.version for i in await other.list_versions("k")], "versions after it")
        that(await other.get("k") == "new", "the current version ended with the grace")
        await secrets.rotate("k", "newest")
        with refused(SecretNotFoundError, "a version that was rotated without grace"):
            await other.get("k", version=new)

    @law("SEC-012", "A longer grace later does not bring an ending version back.", needs=_VERSIONS)
    async def a_grace_is_not_prolonged(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        first = await secrets.set("k", "1")
        second = await secrets.rotate("k", "2", grace=0.4)
        await secrets.rotate("k", "3", grace=60)
        await world.sleep(0.6)
        with refused(SecretNotFoundError, "a version whose first grace has ended"):
            await secrets.get("k", version=first)
        that(await secrets.get("k", version=second) == "2", "a version within its grace is gone")

    @law("SEC-013", "A delete takes all versions, and none is ever given again.", needs=_VERSIONS)
    async def a_delete_takes_all_versions(self, world: World[Any]) -> None:
        secrets = await self.portable(world)
        seen: list[str] = []
        for turn in range(3):
            for number in range(2):
                version = await secrets.set("k", f"{turn} {number}")
                that(version not in seen, "a version came twice")
                seen.append(version)
            await secrets.delete("k")
            for version in seen:
                with refused(SecretNotFoundError, "a version of a deleted secret"):
                    await secrets.get("k", version=version)
        await secrets.set("k", "again")
        for version in seen:
            with refused(SecretNotFoundError, "a version from before the delete"):
                await secrets.get("k", version=version)

    @law("SEC-020", "A watch tells each change at least in its last state.", needs=_WATCH)
    async def a_watch_tells_changes(self, world: World[Any]) -> None:
        secrets, other = await self.portable(world), await self.portable(world)
        await secrets.set("k", "before")
        watches = [
            asyncio.ensure_future(collect(client.watch("k"), 1, 10))
            for client in (secrets, secrets, other)
        ]
        await world.sleep(0.3)
        await other.set("neighbour", "x")
        await world.sleep(0.2)
        for watch in watches:
            that(not watch.done(), "a watch told a change of another secret")
        version = await other.set("k", "changed")
        for told in await asyncio.gather(*watches):
            equal([("k", version)], [(c.name, c.version) for c in told], "a change, each watch")
        waiting = [
            asyncio.ensure_future(secrets.pipeline.send(Await("k", version, 10))) for _ in range(2)
        ]
        await world.sleep(0.2)
        await other.delete("k")
        equal([None, None], await asyncio.gather(*waiting), "the version of a deleted secret")
        known = await secrets.pipeline.send(Await("k", None, 0.2))
        equal(None, known, "the version where nothing changed")

    @law(
        "SEC-030",
        "Any sequence of operations of two clients does what a dictionary would.",
        machine=True,
    )
    def any_sequence_holds(self, lab: Lab) -> None:
        steps = st.lists(
            st.tuples(
                st.sampled_from(("get", "set", "delete", "list")),
                st.integers(0, 1),
                st.sampled_from(("a", "b", "a/b", "A", "ab")),
                st.sampled_from((b"", b"x", b"y\n", b"\xff")),
            ),
            max_size=12,
        )
        clients = [lab.run(self.portable(lab.world)) for _ in range(2)]
        prefixes = iter(range(1_000_000))

        @drawn(lab)
        @given(steps)
        def trial(drawn_steps: list[tuple[str, int, str, bytes]]) -> None:
            lab.run(self._follow(clients, f"m{next(prefixes)}-", drawn_steps))

        trial()

    async def _follow(
        self, clients: list[Secrets], prefix: str, steps: list[tuple[str, int, str, bytes]]
    ) -> None:
        held: dict[str, bytes] = {}
        for verb, number, key, value in steps:
            secrets, name = clients[number], prefix + key
            if verb == "set":
                await secrets.set(name, value)
                held[name] = value
            elif verb == "delete":
                equal(name in held, await secrets.delete(name), f"delete {key!r}")
                held.pop(name, None)
            elif verb == "list":
                found = [each async for each in secrets.list(prefix, page_size=2)]
                equal(sorted(held), found, "list")
            else:
                taken = await self.take(secrets.pipeline, name)
                equal(held.get(name), taken, f"get {key!r}")


async def _deleting_between(secrets: Secrets) -> AsyncIterator[str]:
    """The names that begin with an a; the last of the first page is deleted after it."""
    cursor: str | None = None
    deleted = False
    while cursor is not None or not deleted:
        page = await secrets.pipeline.send(List("a", cursor, 2))
        for name in page.names:
            yield name
        cursor = page.cursor
        if page.names and not deleted:  # a page may be empty
            deleted = await secrets.delete(page.names[-1])


async def _error_of(secrets: Secrets, name: str) -> str:
    try:
        await secrets.get(name)
    except SecretNotFoundError as error:
        return everything(error)
    that(False, f"{name!r}, which is not there, was found")
    return ""
