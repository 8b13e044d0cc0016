"""fsspec's own abstract suite, over memory; with ``OMNICLOUD_FSSPEC_ALL=1`` over local too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.tests import abstract

from omnicloud_fsspec import OmniFileSystem

PROVIDERS = ("memory", "local") if os.environ.get("OMNICLOUD_FSSPEC_ALL") else ("memory",)


@pytest.fixture(scope="module", params=PROVIDERS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OmniFileSystem]:
    service: dict[str, object] = {"contract": "objects", "provider": request.param}
    if request.param == "local":
        folder = tmp_path_factory.mktemp("objects")
        service |= {"path": str(folder), "durability": "process"}
    fs = OmniFileSystem({"services": {"files": service}}, skip_instance_cache=True)
    yield fs
    fs.close()


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs(self, served: OmniFileSystem) -> Iterator[Any]:
        yield served
        if served.find("files"):
            served.rm("files", recursive=True)

    @pytest.fixture
    def fs_path(self) -> str:
        return "files"

    @pytest.fixture
    def fs_join(self) -> Any:
        return lambda *steps: "/".join(steps)

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False

    @pytest.fixture
    def local_path(self, tmp_path: Path) -> str:
        return os.fspath(tmp_path)


class TestCopy(abstract.AbstractCopyTests, Fixtures):
    pass


class TestGet(abstract.AbstractGetTests, Fixtures):
    pass


class TestPut(abstract.AbstractPutTests, Fixtures):
    pass


class TestOpen(abstract.AbstractOpenTests, Fixtures):
    pass


class TestPipe(abstract.AbstractPipeTests, Fixtures):
    pass
