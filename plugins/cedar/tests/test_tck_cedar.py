"""The provider keeps every law of iam, over files of its own and over files of people's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from omnicloud.contracts.iam import IAM
from omnicloud.contracts.iam.parse import parse_policies
from omnicloud_cedar.certify import cedar_world
from omnicloud_cedar.config import CedarConfig
from omnicloud_cedar.iam import open_iam
from omnicloud_cedar.language import policy_text
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.law import Ability
from omnicloud_tck.served import Lone
from omnicloud_tck.world import World


class TestCedarIAM(IAMContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return cedar_world


class TestCedarOverNativeFiles(IAMContract):
    """Each set of rules is a file that someone wrote in Cedar; a replacement is another file."""

    @pytest.fixture
    def make_world(self, tmp_path: Path) -> Callable[[], World[Any]]:
        numbers = itertools.count()

        async def client() -> Any:
            path = tmp_path / f"{next(numbers)}.cedar"
            path.write_text("")
            return await open_iam(CedarConfig(path=path, manage=False), Lone())

        return lambda: World(client, cannot_happen=dict.fromkeys(Ability, "read only"))

    async def portable(
        self, world: World[Any], policy_set: Iterable[Mapping[str, object]] | None = None
    ) -> IAM:
        iam = IAM(pipeline=await world.pipeline(), clock=world.clock)
        policies = map(policy_text, parse_policies(policy_set or ()))
        iam.pipeline.driver._file._path.write_text("\n".join(policies))
        return iam
