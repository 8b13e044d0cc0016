"""The orders example, unchanged, on one set of providers after another: the same results.

In the middle of each run the first server of the set is killed and started again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from pathlib import Path

import pytest
from provider_sets import SETS, ProviderSet, Served, served

from examples.orders.generate import generate
from examples.orders.model import CREDITS
from omnicloud import OmniCloud

ROOT = Path(__file__).parents[2]
SEED = 5
_SECONDS = 240.0


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("chosen", SETS, ids=lambda chosen: chosen.name)
async def test_the_shop_gives_the_same_results_on_every_set(
    chosen: ProviderSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _skip_where_said(chosen)
    before = _tree()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMNICLOUD_CONFIG", str(chosen.file))
    async with served(chosen) as servers:
        for provider, one in zip(chosen.providers, servers, strict=True):
            for name, value in chosen.environment(provider, one.options).items():
                monkeypatch.setenv(name, value)
        figures, killed_at = await _run(tmp_path, servers, chosen.orders)
    expected = _expected(chosen.orders)
    assert {name: figures.get(name) for name in expected} == expected, figures
    assert 0 < killed_at < chosen.orders or not servers, "the server was not killed in the middle"
    assert _tree() == before, "the application was changed"


async def _run(folder: Path, servers: list[Served], orders: int) -> tuple[dict[str, str], int]:
    """Figures that the shop printed, and how many letters there were when a server was killed."""
    arguments = ["--orders", str(orders), "--seed", str(SEED), "--patience", str(_SECONDS - 10)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.orders", "run", *arguments, "--folder", str(folder)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            killed_at = await _kill_in_the_middle(servers)
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    text = said.decode()
    logs = {file.name: file.read_text()[-2000:] for file in folder.glob("*.log")}
    assert process.returncode == 0, (text, logs)
    pairs = (line.strip().split("  ", 1) for line in text.splitlines() if "  " in line.strip())
    return {name: value.strip() for name, value in pairs}, killed_at


async def _kill_in_the_middle(servers: list[Served]) -> int:
    """Kill the first one as soon as there is a letter; how many there are then."""
    if not servers:
        return 0
    async with OmniCloud() as cloud:
        letters = await _first_letters(cloud)
        await servers[0].server.restart()
        return letters


async def _first_letters(cloud: OmniCloud) -> int:
    """How many there are, as soon as there is one."""
    while True:
        if letters := await cloud.documents("letters").count("letters"):
            return letters
        await asyncio.sleep(0.02)


def _expected(count: int) -> dict[str, str]:
    """What the orders come to, whichever is handled first.

    Of this seed's orders those that must be rejected are each more than the customer may spend.
    """
    orders = list(generate(count, SEED))
    confirmed = [order for order in orders if order.cents <= CREDITS[order.customer]]
    pieces = sum(sum(order.lines.values()) for order in confirmed)
    figures = {
        "sagas completed": len(confirmed),
        "sagas compensated": count - len(confirmed),
        "invoices": len(confirmed),
        "pieces sold": pieces,
        "cents charged": sum(order.cents for order in confirmed),
        **dict.fromkeys(("orders taken", "letters sent", "orders in the report"), count),
        **dict.fromkeys(("published as orders.taken", "published as orders.settled"), count),
    }
    return {name: str(figure) for name, figure in figures.items()}


def _tree() -> str:
    """What the application and its configuration files are."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "examples" / "orders").rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file).encode() + file.read_bytes())
    return digest.hexdigest()


def _skip_where_said(chosen: ProviderSet) -> None:
    """Skip, aloud, where the machine has no such server and only root could install it."""
    missing = set(os.environ.get("OMNICLOUD_NOT_TESTED", "").split()) & set(chosen.packages)
    if missing:
        pytest.skip(f"NOT TESTED, there is no server for {', '.join(sorted(missing))}")
