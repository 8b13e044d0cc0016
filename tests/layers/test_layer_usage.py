"""What is used is recorded where a record is asked for, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omnicloud import OmniCloud
from omnicloud.contracts.kv import KV
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ConfigurationError, UnsupportedError
from omnicloud.layers.order import RECORD_USE, LayerSettings, stack
from omnicloud.layers.usage import UsageLayer
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryStore

SERVICE = {"contract": "kv", "provider": "memory", "requires": ["compare_and_set"]}


def recorded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def use(config: dict[str, Any]) -> None:
    async with OmniCloud(config) as cloud:
        orders = cloud.kv("orders", str)
        for _ in range(3):
            await orders.set("key-of-mine", "payload-of-mine", ttl=5)
            await orders.get("key-of-mine")


def test_without_a_record_asked_for_there_is_no_such_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(RECORD_USE, raising=False)
    assert UsageLayer not in {type(layer) for layer in stack()}


async def test_each_use_is_recorded_once_with_its_features_and_nothing_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "used.jsonl"
    monkeypatch.setenv(RECORD_USE, str(path))
    await use({"services": {"orders": SERVICE}})
    told = [(one["operation"], one["features"]) for one in recorded(path)]
    assert told == [("kv.set", ["ttl"]), ("kv.get", [])]
    assert recorded(path)[0]["requires"] == ["compare_and_set"]
    assert "of-mine" not in path.read_text()


async def test_a_configuration_may_ask_for_the_record(tmp_path: Path) -> None:
    path = tmp_path / "used.jsonl"
    await use({"services": {"orders": SERVICE}, "layers": {"record_use": str(path)}})
    assert len(recorded(path)) == 2


class Featureless(MemoryKV):
    features = frozenset()


async def test_what_is_refused_is_used_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "used.jsonl"
    driver = Featureless(MemoryStore(SYSTEM_CLOCK), "usage")
    store = KV(Pipeline(driver, [UsageLayer(path)]), TEXT)
    with pytest.raises(UnsupportedError):
        await store.set("a", "b", ttl=5)
    assert [one["features"] for one in recorded(path)] == [["ttl"]]


def test_several_processes_may_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "used.jsonl"
    path.write_text('{"from": "another"}\n')
    UsageLayer(path)
    assert path.read_text() == '{"from": "another"}\n'


def test_a_file_that_cannot_be_written_is_told_before_any_call(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="record of use"):
        stack(LayerSettings(record_use=str(tmp_path / "missing" / "used.jsonl")))


async def test_the_layer_can_be_left_out_by_name(tmp_path: Path) -> None:
    path = tmp_path / "used.jsonl"
    layers = {"record_use": str(path), "disable": ["usage"]}
    await use({"services": {"orders": SERVICE}, "layers": layers})
    assert not path.exists()
