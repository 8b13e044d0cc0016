"""Laws of names, labels, tenants, other services and several clients."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from omnicloud.contracts.containers import Containers, ContainersFeature, State
from omnicloud.contracts.containers.driver import Events
from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import AlreadyExistsError, NotFoundError, OmniCloudError
from omnicloud_tck.check import equal, refused, that, together
from omnicloud_tck.containers.bench import PATIENCE, POLITE, Bench, spec
from omnicloud_tck.containers.engine import elsewhere
from omnicloud_tck.containers.story import story_of
from omnicloud_tck.general.echoes import Echoes, Story
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["ApartLaws"]

_NAMES = (
    "with space",
    "a/b",
    "a%2Fb",
    "a_b",
    "a-b",
    "UPPER",
    "upper",
    "../climb",
    "emoji 🦀",
    "nul\0inside",
    "~tilde",
    f"{'k' * 1023}1",
    f"{'k' * 1023}2",
)
_F = ContainersFeature
_BEGINNINGS = ("web", "web-1", "old-web", "web.2", "web_3", "Web", "we", "a*b")
_PREFIXES = ("", "web", "web-", "we", "web.", "web_", "Web", "old", "a*", "eb", "*", "nothing")


class ApartLaws(Bench, Echoes):
    """Each container is its own, and each service's own."""

    few_rooms = True

    def story(self, world: World[Any], features: frozenset[Any]) -> Story:
        return story_of(features, real=not world.virtual)

    @law("CON-060", "Names are any Unicode of 1 to 1,024 bytes of UTF-8, and each is its own.")
    async def names_are_whole(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for number, name in enumerate(_NAMES):
            await containers.run(spec(name, f"exit {number}"))
        for number, name in enumerate(_NAMES):
            found = await self.ended(containers, name)
            equal((name, number), (found.name, found.exit_code), f"name {name[:30]!r}")
        listed = [found.name for found in await containers.list()]
        equal(sorted(_NAMES), listed, "all names, in order")

    @law("CON-061", "Containers are found by the start of their name and by labels, all of them.")
    async def labels_find(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        labels = {
            "web-1": {"app": "web", "tier": "front", "note": "a=b, c"},
            "web-2": {"app": "web", "tier": "back"},
            "db": {"app": "db", "tier": "back", "empty": ""},
        }
        for name, given in labels.items():
            await containers.run(spec(name, "exit 0", labels=given))
            await self.ended(containers, name)
        found = {one.name: dict(one.labels) for one in await containers.list()}
        equal(labels, found, "labels as they were given")
        for asked, names in (
            ({"app": "web"}, ["web-1", "web-2"]),
            ({"app": "web", "tier": "back"}, ["web-2"]),
            ({"note": "a=b, c"}, ["web-1"]),
            ({"empty": ""}, ["db"]),
            ({"app": "we"}, []),
            ({"ap": "web"}, []),
        ):
            told = [one.name for one in await containers.list(labels=asked)]
            equal(names, told, f"found by {asked}")
        told = [one.name for one in await containers.list("web-", labels={"tier": "back"})]
        equal(["web-2"], told, "found by prefix and label")
        equal(["db"], [one.name for one in await containers.list("d")], "found by prefix")

    @law("CON-111", "A prefix is the start of a name, letter by letter: not a part or a pattern.")
    async def prefixes_begin(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        features = watcher.driver.features
        cursor = (await watcher.send(Events())).cursor if _F.EVENTS in features else None
        for name in _BEGINNINGS:
            await containers.run(spec(name, "exit 0"))
            await self.ended(containers, name)
            for feature, make in (
                (_F.VOLUMES, containers.create_volume),
                (_F.NETWORKS, containers.create_network),
            ):
                if feature in features:
                    await make(name)
        for prefix in _PREFIXES:
            expected = sorted(name for name in _BEGINNINGS if name.startswith(prefix))
            for what, under in (await self._under(containers, features, prefix)).items():
                equal(expected, under, f"{what} under {prefix!r}")
            if cursor is not None:
                page = await watcher.send(Events(prefix, cursor))
                told = sorted({one.name for one in page.events})
                that(set(told) <= set(expected), f"events under {prefix!r} are of {told}")

    async def _under(
        self, containers: Containers, features: frozenset[Feature], prefix: str
    ) -> dict[str, list[str]]:
        found = {"containers": [one.name for one in await containers.list(prefix)]}
        if _F.VOLUMES in features:
            found["volumes"] = list(await containers.volumes(prefix))
        if _F.NETWORKS in features:
            found["networks"] = list(await containers.networks(prefix))
        return found

    @law("CON-062", "Tenants have containers of their own, and see no others.", rung=Rung.TRUST)
    async def tenants_do_not_meet(self, world: World[Any]) -> None:
        acme = Containers(await world.pipeline(Scoping("acme")), world.clock)
        other = Containers(await world.pipeline(Scoping("acme2")), world.clock)
        outside = Containers(await world.pipeline(Scoping(None)), world.clock)
        made = [await self.begun(one, spec("same")) for one in (acme, other, outside)]
        equal(3, len({one.id for one in made}), "containers of one name")
        for one, container in zip((acme, other, outside), made, strict=True):
            listed = [(found.name, found.id) for found in await one.list()]
            equal([("same", container.id)], listed, "what a tenant sees")
        await acme.remove("same", force=True)
        equal(None, await acme.get("same"), "the removed one")
        for name in ("~acme2/same", "../acme2/same", "acme2/same"):
            equal(None, await acme.get(name), f"{name!r} asked for by another tenant")
        await self.alive(other, "same", "another tenant's")
        await self.alive(outside, "same", "the one outside all tenants")

    @law(
        "CON-063",
        "What other services run on the engine is neither seen nor touched.",
        rung=Rung.TRUST,
        needs=[_F.EVENTS],
    )
    async def strangers_are_left_alone(self, world: World[Any]) -> None:
        ours = await self.portable(world)
        theirs = Containers(Pipeline(await elsewhere(world)), world.clock)
        watcher = await world.pipeline()
        cursor = (await watcher.send(Events())).cursor
        foreign = await self.begun(theirs, spec("theirs", labels={"app": "web"}))
        twin = await self.begun(theirs, spec("same", labels={"app": "web"}))
        equal((), await ours.list(), "what is listed of others")
        equal((), await ours.list(labels={"app": "web"}), "what is found of others by labels")
        equal(None, await ours.get("theirs"), "get of another service's")
        equal(False, await ours.remove("theirs", force=True), "remove of another service's")
        with refused(NotFoundError, "stop of another service's"):
            await ours.stop("theirs", grace=0)
        await self.begun(ours, spec("same"))
        equal(True, await ours.remove("same", force=True), "remove of a name both have")
        for name, container in (("theirs", foreign), ("same", twin)):
            found = await self.alive(theirs, name, "another service's container")
            equal((container.id, 0), (found.id, found.restarts), "its run")
        events = await self.told(watcher, cursor, 3)
        that(all(event.name == "same" for event in events), "events of others are told")
        equal(3, len(events), "our own events")

    @law(
        "CON-065",
        "Containers outlive the client that ran them; the next one finds them as they are.",
        rung=Rung.RESILIENCE,
    )
    async def clients_adopt(self, world: World[Any]) -> None:
        first = await self.portable(world)
        made = await self.begun(first, spec("old", POLITE, labels={"app": "web"}))
        await first.run(spec("over", "exit 6"))
        await self.ended(first, "over")
        await first.aclose()
        second = await self.portable(world)
        (old, over) = await second.list()
        equal((made.id, made.started_at), (old.id, old.started_at), "the same run")
        equal({"app": "web"}, dict(old.labels), "its labels")
        equal((State.RUNNING, State.EXITED, 6), (old.state, over.state, over.exit_code), "states")
        with refused(AlreadyExistsError, "a second start of what runs already"):
            await second.run(spec("old"))
        equal(["ready"], await self.texts(second, "old"), "its logs")
        equal(7, (await second.stop("old", grace=PATIENCE)).exit_code, "stop by the next client")
        equal(["ready", "bye"], await self.texts(second, "old"), "its logs to the end")

    @law(
        "CON-066",
        "Of clients that run one name at once, one succeeds; other names do not suffer.",
        rung=Rung.CONCURRENCY,
    )
    async def one_wins(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(4)]
        answers = await together(*(one.run(spec("one", POLITE)) for one in clients))
        made = [answer for answer in answers if not isinstance(answer, BaseException)]
        equal(1, len(made), "containers made of one name")
        lost = [answer for answer in answers if isinstance(answer, BaseException)]
        that(all(isinstance(one, AlreadyExistsError) for one in lost), f"lost by {lost!r:.100}")
        await self.ready(clients[0], "one")
        many = await together(
            *(one.run(spec(f"n{at}", "exit 0")) for at, one in enumerate(clients))
        )
        that(not any(isinstance(one, BaseException) for one in many), "other names failed")
        stops = await together(*(one.stop("one", grace=PATIENCE) for one in clients))
        codes = [one.exit_code for one in stops if not isinstance(one, BaseException)]
        equal([7] * 4, codes, "stops at once")
        equal(["ready", "bye"], await self.texts(clients[1], "one"), "one run, ended once")

    @law(
        "CON-067",
        "A cancelled run leaves a whole container or none, and the name is not blocked.",
        rung=Rung.CONCURRENCY,
    )
    async def cancelled_runs_block_nothing(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for number, moment in enumerate((0.0, 0.005, 0.05, 0.2)):
            call = asyncio.ensure_future(containers.run(spec("cut", POLITE)))
            await world.sleep(moment)
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError, OmniCloudError):
                await call
            await world.sleep(0.5)
            left = await containers.list()
            that(len(left) < 2, f"{len(left)} containers after cancellation {number}")
            await containers.remove("cut", force=True)
            equal((), await containers.list(), "after remove")
            await self.begun(containers, spec("cut", POLITE))
            await containers.remove("cut", force=True)

    @law(
        "CON-080",
        "Containers and their restarts survive a crash of the engine.",
        needs=[_F.DURABLE],
        abilities=[Ability.RESTART],
        alone=True,  # other worlds may be on the same engine
    )
    async def containers_outlive_the_engine(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        made = await self.begun(containers, spec("kept", POLITE))
        await containers.run(spec("over", "exit 6"))
        await self.ended(containers, "over")
        await world.restart()
        again = await self.portable(world)
        found = await self.alive(again, "kept", "after the crash")
        equal((made.id, made.started_at), (found.id, found.started_at), "the same run")
        over = await self.ended(again, "over")
        equal(6, over.exit_code, "what had ended")
        equal(7, (await again.stop("kept", grace=PATIENCE)).exit_code, "stop after the crash")
