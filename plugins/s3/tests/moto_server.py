"""A second dialect of S3: moto, an emulator, which knows neither signatures nor a disk."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from omnicloud.contracts.objects.driver import GetRange
from omnicloud.contracts.objects.models import Chunk, ObjectsFeature
from omnicloud.errors import UnavailableError
from omnicloud_s3.certify import made_bucket
from omnicloud_s3.config import S3Config
from omnicloud_s3.objects import S3Objects, open_objects
from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.world import World

KEYS = {"access_key": "any", "secret_key": "any"}
LACKS = {ObjectsFeature.PRESIGN, ObjectsFeature.DURABLE, ObjectsFeature.CONDITIONAL}
"""It checks no signature, keeps nothing, and copies whatever the condition."""


class Patient(S3Objects):
    """Asks again where the emulator fails: it closes what is overwritten under who reads it."""

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        for _ in range(20):
            try:
                return await super().get_range(op)
            except UnavailableError as error:
                if "the service failed" not in str(error):
                    raise
        return await super().get_range(op)


def moto() -> KeptServer:
    """The emulator, which is not started yet."""

    def command(port: int, folder: Path) -> Sequence[str]:
        program = str(Path(sys.executable).parent / "moto_server")
        return (program, "-H", "127.0.0.1", "-p", str(port))

    return KeptServer(command, _ready, within=60.0)


def moto_world(server: KeptServer) -> World[Any]:
    """A world whose clients have a bucket of their own in it."""
    bucket = f"tck-{uuid.uuid4().hex}"
    made: list[str] = []

    async def dial(port: int, lone: Lone) -> S3Objects:
        config = S3Config(endpoint=f"http://127.0.0.1:{port}", bucket=bucket, **KEYS)
        if not made:
            made.append(bucket)
            await made_bucket(config)
        driver = await open_objects(config, lone)
        return Patient(driver._client, driver._keys, driver._features - LACKS)

    return served_world(dial, server=server)


async def _ready(port: int) -> None:
    try:
        url = f"http://127.0.0.1:{port}/moto-api/"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            await answer.read()
    except aiohttp.ClientError as error:
        raise OSError("it does not answer yet") from error
