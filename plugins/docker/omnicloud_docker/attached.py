"""The part of the contract that is about volumes and networks.

The engine does not keep the names of networks unique, so theirs is a label, and where two clients
made one at once the oldest serves.
"""

from __future__ import annotations

import json
from typing import Any

from omnicloud.contracts.containers import attached as ops
from omnicloud.contracts.containers.models import ContainerSpec, Mount
from omnicloud.core.names import escape, unescape
from omnicloud.errors import ConflictError, NotFoundError
from omnicloud_docker.client import EngineClient
from omnicloud_docker.mapping import NAME, SERVICE, docker_name

__all__ = ["DockerAttached"]


class DockerAttached:
    """Serves what is asked about volumes and networks of one service."""

    _client: EngineClient
    _service: str

    async def create_volume(self, op: ops.CreateVolume, /) -> None:
        body = {"Name": self._called(op.volume), "Labels": self._labels(op.volume)}
        await self._client.ask("POST", "/volumes/create", body=body)

    async def list_volumes(self, op: ops.ListVolumes, /) -> tuple[str, ...]:
        told = await self._client.ask("GET", "/volumes", self._ours())
        return _named(told["Volumes"] or (), op.prefix)

    async def remove_volume(self, op: ops.RemoveVolume, /) -> bool:
        try:
            await self._client.ask("DELETE", f"/volumes/{self._called(op.volume)}")
        except NotFoundError:
            return False
        except ConflictError:
            raise ConflictError(
                "a container has the volume mounted", hint="remove it first"
            ) from None
        return True

    async def create_network(self, op: ops.CreateNetwork, /) -> None:
        body = {
            "Name": self._called(op.network),
            "Labels": self._labels(op.network),
            "Driver": "bridge",
            "CheckDuplicate": True,
        }
        try:
            await self._client.ask("POST", "/networks/create", body=body)
        except ConflictError:
            return  # it is there

    async def list_networks(self, op: ops.ListNetworks, /) -> tuple[str, ...]:
        return _named(await self._client.ask("GET", "/networks", self._ours()), op.prefix)

    async def remove_network(self, op: ops.RemoveNetwork, /) -> bool:
        removed = False
        for id_ in await self._networks(op.network):
            try:
                await self._client.ask("DELETE", f"/networks/{id_}")
            except NotFoundError:
                continue
            removed = True
        return removed

    async def _endpoints(self, spec: ContainerSpec) -> dict[str, Any]:
        """By the network's id, how a container is on it.

        Raises:
            NotFoundError: There is no such network.
        """
        found: dict[str, Any] = {}
        for name in spec.networks:
            ids = await self._networks(name)
            if not ids:
                raise NotFoundError(
                    "there is no network of a name in networks", hint="create it first"
                )
            found[ids[0]] = {"Aliases": [spec.host] if spec.host else []}
        return found

    async def _mounts(self, mounts: tuple[Mount, ...]) -> list[dict[str, Any]]:
        """The engine's word for each; it would make a volume that is missing.

        Raises:
            NotFoundError: There is no such volume.
        """
        for one in mounts:
            try:
                await self._client.ask("GET", f"/volumes/{self._called(one.volume)}")
            except NotFoundError:
                raise NotFoundError(
                    "there is no volume of a name in mounts", hint="create it first"
                ) from None
        return [
            {
                "Type": "volume",
                "Source": self._called(one.volume),
                "Target": one.path,
                "ReadOnly": one.read_only,
                "VolumeOptions": {"Labels": self._labels(one.volume)},
            }
            for one in mounts
        ]

    async def _networks(self, name: str) -> list[str]:
        """The ids of the networks of that name, the oldest first."""
        told = await self._client.ask("GET", "/networks", self._ours())
        own = [one for one in told if one["Labels"].get(NAME) == escape(name)]
        return [one["Id"] for one in sorted(own, key=lambda one: (one["Created"], one["Id"]))]

    def _called(self, name: str) -> str:
        return docker_name(self._service, name)

    def _labels(self, name: str) -> dict[str, str]:
        return {SERVICE: escape(self._service), NAME: escape(name)}

    def _ours(self) -> dict[str, str]:
        return {"filters": json.dumps({"label": [f"{SERVICE}={escape(self._service)}"]})}


def _named(told: Any, prefix: str) -> tuple[str, ...]:
    names = {unescape(one["Labels"][NAME]) for one in told}
    return tuple(sorted(name for name in names if name.startswith(prefix)))
