"""swap-check says whether a certificate covers what an application used."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from certificate_samples import certificate, changed, key, of_driver, plain, sealed, tried, written
from omnicloud.cli.app import cli
from omnicloud.contracts.kv import KV
from omnicloud.contracts.kv.models import KVFeature
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.core.codec import TEXT
from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud.layers.tracing import TracingLayer
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.certificates.reading import Unreadable
from omnicloud_tck.certificates.signing import public_key
from omnicloud_tck.certify import Trial
from omnicloud_tck.law import Rung
from omnicloud_tck.reference import world
from omnicloud_tck.swap.covering import missing, operations_of
from omnicloud_tck.swap.used import Use, read_uses
from omnicloud_tck.world import World

Run = Callable[..., Result]

SET = {
    "schema_version": 1,
    "service": "orders",
    "contract": "kv",
    "operation": "kv.set",
    "features": ["ttl"],
    "requires": [],
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def command(certified: Path, *lines: object, options: tuple[str, ...] = ()) -> Result:
        used = tmp_path / "used.jsonl"
        used.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return CliRunner().invoke(cli, ["swap-check", str(used), str(certified), *options])

    return command


class NoTtl(MemoryKV):
    @property
    def features(self) -> frozenset[Feature]:
        return super().features - {KVFeature.TTL}


def test_what_is_declared_and_proven_is_covered(run: Run, tmp_path: Path) -> None:
    found = run(written(tmp_path, certificate("kv")), SET, SET)
    assert found.exit_code == 0
    assert "covers what is used: 1 operations" in found.stdout


def test_a_feature_that_is_not_declared_is_named(run: Run, tmp_path: Path) -> None:
    found = run(written(tmp_path, of_driver("kv", NoTtl)), SET)
    assert found.exit_code == 1
    assert "kv.set needs ttl, which is not declared" in found.stdout
    without = {**SET, "features": []}
    assert run(written(tmp_path, of_driver("kv", NoTtl)), without).exit_code == 0


def test_a_contract_that_was_not_tried_is_named(run: Run, tmp_path: Path) -> None:
    found = run(written(tmp_path, certificate("sagas")), SET, options=("--json",))
    assert found.exit_code == 1
    assert json.loads(found.stdout)["missing"] == ["kv: the provider was not tried on it"]


class Deaf(MemoryKV):
    async def delete(self, op: Any, /) -> Any:
        return False


def test_a_contract_that_is_not_certified_covers_nothing(run: Run, tmp_path: Path) -> None:
    found = run(written(tmp_path, of_driver("kv", Deaf)), {**SET, "features": []})
    assert found.exit_code == 1
    assert "kv: not certified: " in found.stdout


def test_features_that_the_configuration_demands_count_as_used(run: Run, tmp_path: Path) -> None:
    line = {**SET, "features": [], "requires": ["telepathy"]}
    found = run(written(tmp_path, certificate("kv")), line)
    assert found.exit_code == 1
    assert "kv as configured needs telepathy" in found.stdout


def test_a_guarantee_that_is_declared_but_was_not_tried_is_no_guarantee() -> None:
    said = plain(certificate("kv"))
    said["contracts"]["kv"]["features"].append("durable")
    told = type(certificate()).model_validate(said)
    use = Use("kv", "", ("durable",))
    (line,) = missing([use], told, Rung.SHAPE)
    assert line.endswith("needs durable, which is declared, but no law about it was tried")


def test_the_rung_that_is_asked_for_must_be_reached(run: Run, tmp_path: Path) -> None:
    rich = world("secrets")

    def poor() -> World[Any]:
        return World(world("secrets").driver, clock=rich.clock, virtual=True)

    file = written(tmp_path, tried(Trial("secrets", poor)))
    use = {**SET, "contract": "secrets", "operation": "secrets.get", "features": []}
    assert run(file, use).exit_code == 0
    found = run(file, use, options=("--rung", "trust"))
    assert found.exit_code == 1
    assert "certified up to concurrency, trust is asked" in found.stdout
    assert "does not offer cut, outage" in found.stdout


def test_an_operation_that_nobody_knows_is_named(run: Run, tmp_path: Path) -> None:
    found = run(written(tmp_path, certificate("kv")), {**SET, "operation": "kv.frobnicate"})
    assert "kv.frobnicate: the kit knows no such operation" in found.stdout
    assert {"kv.set", "kv.begin"} <= operations_of("kv")
    assert "objects.complete_upload" in operations_of("objects")
    assert operations_of("nonsense") == frozenset()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    yield exporter
    exporter.shutdown()


async def test_spans_of_an_application_tell_what_it_used(
    spans: InMemorySpanExporter, tmp_path: Path
) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    store = KV(Pipeline(in_memory(), [TracingLayer(provider)]), TEXT)
    await store.set("a", "b", ttl=5)
    await store.get("a")
    provider.shutdown()
    finished = spans.get_finished_spans()
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(f"{one.to_json(indent=None)}\n" for one in finished))
    expected = (Use("kv", "kv.get", ()), Use("kv", "kv.set", ("ttl",)))
    assert read_uses(path) == expected
    path.write_text(json.dumps(otlp(finished)))
    assert read_uses(path) == expected


def in_memory() -> MemoryKV:
    return MemoryKV(MemoryStore(SYSTEM_CLOCK), "spans")


def otlp(finished: Any) -> dict[str, Any]:
    """The spans as a collector's file exporter writes them, with a foreign one before them."""

    def value(said: Any) -> dict[str, Any]:
        if isinstance(said, str):
            return {"stringValue": said}
        return {"arrayValue": {"values": [value(one) for one in said]} if said else {}}

    ours = [
        {"name": one.name, "attributes": [{"key": k, "value": value(v)} for k, v in pairs.items()]}
        for one in finished
        if (pairs := one.attributes)
    ]
    foreign = {"name": "GET /", "attributes": [{"key": "http.method", "value": value("GET")}]}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [foreign, *ours]}]}]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "records no use"),
        ("\n\n", "records no use"),
        ("hello\n", "line 1 of used.jsonl: not JSON"),
        ("[]\n", "neither a record of use nor a span"),
        ('{"x": 1}\n', "neither a record of use nor a span"),
        ('{"schema_version": 1}\n', "no record of use"),
        (json.dumps({**SET, "schema_version": 2}), "of schema 2"),
        (json.dumps({**SET, "features": "ttl"}), "no record of use"),
        ('{"attributes": {"omnicloud.operation": "kv.set"}}', "record it anew"),
        ('{"attributes": {"http.method": "GET"}}', "records no use"),
    ],
)
def test_what_is_no_record_is_told_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "used.jsonl"
    path.write_text(text)
    with pytest.raises(Unreadable, match=said):
        read_uses(path)


def test_a_certificate_that_does_not_hold_together_is_bad_input(run: Run, tmp_path: Path) -> None:
    wrong = changed(plain(certificate("kv")), ("rung",), lambda _: "shape")
    found = run(written(tmp_path, wrong), SET)
    assert found.exit_code == 2
    assert "not to be relied upon" in found.stderr
    assert run(tmp_path / "missing.json", SET).exit_code == 2


def test_where_keys_are_trusted_the_certificate_must_bear_one(run: Run, tmp_path: Path) -> None:
    mine = ("--key", public_key(key(tmp_path)))
    unsigned = run(written(tmp_path, certificate("kv")), SET, options=mine)
    assert unsigned.exit_code == 2
    assert "not signed" in unsigned.stderr
    good = written(tmp_path, sealed(tmp_path, certificate("kv")))
    assert run(good, SET, options=mine).exit_code == 0
    other = tmp_path / "other"
    other.mkdir()
    theirs = written(tmp_path, sealed(other, certificate("kv")))
    assert run(theirs, SET, options=mine).exit_code == 2
    assert run(theirs, SET, options=(*mine, "--allow-unknown")).exit_code == 0
    assert run(theirs, SET).exit_code == 0
    forged = changed(plain(sealed(other, certificate("kv"))), ("examples",), lambda one: one + 1)
    assert run(written(tmp_path, forged), SET, options=("--allow-unknown",)).exit_code == 2


TEST = """
from omnicloud import OmniCloud


async def test_it():
    config = {"services": {"orders": {"contract": "kv", "provider": "memory"}}}
    async with OmniCloud(config) as cloud:
        await cloud.kv("orders", str).set("a", "b", ttl=5)
"""


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_an_applications_own_tests_record_its_use(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "test_app.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    used = tmp_path / "used.jsonl"
    used.write_text("from the last run")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--omnicloud-record-use", str(used), *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert read_uses(used) == (Use("kv", "kv.set", ("ttl",)),)
