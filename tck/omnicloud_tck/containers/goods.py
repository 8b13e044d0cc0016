"""What containers are attached to, and run from, in random programs of them."""

from __future__ import annotations

from omnicloud.contracts.containers import ContainersFeature, State
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.containers.bench import sh
from omnicloud_tck.containers.doings import Doings
from omnicloud_tck.containers.lived import Life
from omnicloud_tck.containers.specs import HOSTS, IMAGES, NETWORKS, VOLUMES

__all__ = ["Goods"]

_F = ContainersFeature
_PREFIXES = ("", "", "d", "da", "da/", "net", "net-", "N")


class Goods(Doings):
    """The verbs about volumes, networks and images, and what comes by them."""

    async def _has_goods(self) -> None:
        """Compare what there is."""
        prefix = self._chance.choice(_PREFIXES)
        if self._uses(_F.VOLUMES):
            volumes = sorted(name for name in self._volumes if name.startswith(prefix))
            found = await self._client().volumes(prefix)
            equal(tuple(volumes), found, f"volumes under {prefix!r}")
        if self._uses(_F.NETWORKS):
            networks = sorted(name for name in self._networks if name.startswith(prefix))
            found = await self._client().networks(prefix)
            equal(tuple(networks), found, f"networks under {prefix!r}")
        if self._uses(_F.IMAGES):
            images = [image.reference for image in await self._client().images()]
            ours = [reference for reference in images if reference in IMAGES]
            equal(sorted(self._grounds.images), ours, "images")

    async def _write(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None or life.state is not State.RUNNING or not life.spec.mounts:
            await self._refused_exec(name, life)
            return
        mount = self._chance.choice(life.spec.mounts)
        text = str(self._chance.randrange(10**6))
        done = await self._client().exec(name, sh(f"echo {text} > {mount.path}/f"))
        equal(mount.read_only, done.exit_code != 0, f"whether {name} may not write {mount}")
        if not mount.read_only:
            self._volumes[mount.volume] = text

    async def _read(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None or life.state is not State.RUNNING or not life.spec.mounts:
            await self._refused_exec(name, life)
            return
        for mount in life.spec.mounts:
            await self._come_clear()
            if life.state is not State.RUNNING:
                return
            done = await self._client().exec(name, ("cat", f"{mount.path}/f"))
            held = self._volumes[mount.volume]
            expected = b"" if held is None else f"{held}\n".encode()
            equal(expected, done.stdout, f"what {name} reads in {mount}")
            equal(held is None, done.exit_code != 0, f"whether {name} finds nothing in {mount}")

    async def _refused_exec(self, name: str, life: Life | None) -> None:
        if life is None or not life.lives:
            await self._refused(name, life, self._client().exec(name, sh("exit 0")), "exec")

    async def _try_out(self, name: str) -> None:
        """See that what was begun again has, and gives, what it had and gave."""
        await self._come_clear()  # what was begun may have taken its grace to end first
        life = self._lives.get(name)
        if life is None or life.state is not State.RUNNING or not self._uses(_F.EXEC):
            return
        if life.spec.mounts:
            await self._write(name)
        mine = set(life.spec.networks)
        near = [
            other
            for other, one in self._lives.items()
            if one.state is State.RUNNING and mine & set(one.spec.networks)
        ]
        if near:
            await self._heard(self._chance.choice(near), name)

    async def _fetch(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None or life.state is not State.RUNNING:
            await self._refused_exec(name, life)
            return
        serving = [one for one, held in self._lives.items() if held.part.serves]
        await self._heard(name, self._likely(serving))

    async def _heard(self, name: str, other: str) -> None:
        await self._come_clear()
        life, there = self._lives[name], self._lives.get(other)
        if life.state is not State.RUNNING:
            return
        url = f"http://{HOSTS[other]}:8080/said"
        done = await self._client().exec(name, ("wget", "-q", "-O", "-", url), timeout=3)
        meets = (
            there is not None
            and there.state is State.RUNNING
            and there.part.serves
            and bool({*there.spec.networks} & {*life.spec.networks})
        )
        equal(b"hi\n" if meets else b"", done.stdout, f"what {name} hears from {other}")

    async def _volume(self, _: str) -> None:
        name = self._chance.choice(VOLUMES)
        if self._chance.random() < 0.7:
            await self._client().create_volume(name)
            self._volumes.setdefault(name, None)
        elif any(name == one.volume for life in self._lives.values() for one in life.spec.mounts):
            with refused(ConflictError, f"remove of volume {name}, which a container has"):
                await self._client().remove_volume(name)
        else:
            there = name in self._volumes
            equal(there, await self._client().remove_volume(name), f"remove of volume {name}")
            self._volumes.pop(name, None)

    async def _network(self, _: str) -> None:
        name = self._chance.choice(NETWORKS)
        on_it = [life for life in self._lives.values() if name in life.spec.networks]
        if self._chance.random() < 0.4:
            await self._client().create_network(name)
            self._networks.add(name)
        elif any(life.state is not State.EXITED for life in on_it):
            with refused(ConflictError, f"remove of network {name}, on which something is"):
                await self._client().remove_network(name)
        else:
            there = name in self._networks
            equal(there, await self._client().remove_network(name), f"remove of network {name}")
            self._networks.discard(name)

    async def _image(self, _: str) -> None:
        images = self._grounds.images
        used = {life.spec.image for life in self._grounds.lives}
        reference = self._chance.choice([*IMAGES, *(one for one in sorted(images) if one in used)])
        if reference not in images:
            equal(False, await self._client().remove_image(reference), f"remove of no {reference}")
            made = await self._client().import_image(reference, self._grounds.archive)
            equal(reference, made.reference, "what an image is called that was made")
            images.add(reference)
        elif any(life.spec.image == reference for life in self._grounds.lives):
            with refused(ConflictError, f"remove of {reference}, from which something runs"):
                await self._client().remove_image(reference)
        else:
            equal(True, await self._client().remove_image(reference), f"remove of {reference}")
            images.discard(reference)

    async def _leave_images(self) -> None:
        """Remove those from which nobody runs any more."""
        used = {life.spec.image for life in self._grounds.lives}
        for reference in sorted(self._grounds.images - used):
            equal(True, await self._client().remove_image(reference), f"remove of {reference}")
            self._grounds.images.discard(reference)
