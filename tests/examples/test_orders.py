"""The orders example survives ``kill -9`` of its processes with nothing lost or done twice."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from aiohttp.test_utils import TestClient, TestServer

from examples.orders.accounts import Accounts, NotEnoughError
from examples.orders.intake import Answer, take_orders
from examples.orders.model import BadOrderError, Order, parsed
from examples.orders.report import ReportOutcome, report_key, send_report
from examples.orders.verify import Audit
from examples.orders.web import application
from omnicloud import OmniCloud

ROOT = Path(__file__).parents[2]
MEMORY = {
    "services": {
        "orders": {"contract": "documents", "provider": "memory"},
        "events": {"contract": "outbox", "provider": "memory"},
        "stock": {"contract": "documents", "provider": "memory"},
        "invoices": {"contract": "objects", "provider": "memory"},
        "jobs": {"contract": "locks", "provider": "memory"},
    }
}
ORDER = Order("key-1", "customer-001", {"sku-001": 2})


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_shop_whose_processes_are_killed_loses_nothing_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "examples.orders", "run", "--orders", "300", "--seed", "11"]
    command += ["--kill", "--kills", "4", "--patience", "100", "--folder", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=130,
        check=False,
    )
    logs = {file.name: file.read_text() for file in tmp_path.glob("*.log")}
    assert done.returncode == 0, (done.stdout, done.stderr, logs)
    figures = dict(line.strip().split("  ", 1) for line in done.stdout.splitlines() if "  " in line)
    figures = {name: value.strip() for name, value in figures.items()}
    assert figures["orders taken"] == "300"
    assert figures["letters sent"] == "300"
    assert int(figures["processes killed"]) >= 1
    assert int(figures["sagas completed"]) + int(figures["sagas compensated"]) == 300


@pytest.mark.slow
def test_a_demonstration_that_takes_too_long_says_how_far_it_came_and_fails(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.orders", "run", "--orders", "5000"]
    done = subprocess.run(
        [*command, "--patience", "3", "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "not done after 3 s" in done.stdout
    assert " of 5000" in done.stdout
    assert done.stdout.endswith("CHECKS FAILED\n")
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
def test_processes_end_when_the_demonstration_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.orders", "run", "--orders", "5000"]
    with subprocess.Popen(
        [*command, "--folder", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    ) as run:
        parent, until = psutil.Process(run.pid), time.monotonic() + 30
        while len(children := parent.children(recursive=True)) < 4:
            assert time.monotonic() < until, children
            time.sleep(0.05)
        run.kill()
    _, left = psutil.wait_procs(children, timeout=30)
    # Whether what has ended is reaped is up to the first process of the machine.
    assert [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []


async def test_an_order_is_taken_once_and_its_key_is_refused_to_another() -> None:
    async with OmniCloud(MEMORY) as cloud:
        other = Order("key-1", "customer-002", {"sku-001": 2})
        answers = await take_orders(cloud, [ORDER, ORDER, other])
        assert answers == [Answer.TAKEN, Answer.DUPLICATE, Answer.DIFFERENT]
        assert await take_orders(cloud, [ORDER]) == [Answer.DUPLICATE]
        assert await cloud.documents("orders").count("orders") == 1
        assert (await cloud.outbox("events").lag()).pending == 1


async def test_the_shop_answers_what_became_of_an_order_or_what_is_wrong_with_it() -> None:
    body: dict[str, object] = {"customer": "customer-001", "lines": {"sku-001": 2}}
    async with OmniCloud(MEMORY) as cloud, TestClient(TestServer(application(cloud))) as shop:
        codes = []
        for sent in (body, body, {**body, "customer": "customer-002"}, {}):
            answer = await shop.post("/orders", json=sent, headers={"Idempotency-Key": "k"})
            codes.append(answer.status)
        codes.append(
            (await shop.post("/orders", data=b"{", headers={"Idempotency-Key": "k"})).status
        )
        codes.append((await shop.post("/orders", json=body)).status)
        codes.append((await shop.post("/orders/bulk", json=[body])).status)
        codes.append((await shop.get("/orders/unknown")).status)
        assert codes == [201, 200, 409, 400, 400, 400, 400, 404]
        assert (await (await shop.get("/orders/k")).json())["status"] == "taken"
        assert (await shop.get("/health")).status == 200


async def test_a_movement_happens_once_and_is_undone_once() -> None:
    async with OmniCloud(MEMORY) as cloud:
        stock = Accounts(cloud, "stock")
        await stock.open({"a": 5, "b": 1})
        for _ in range(2):
            await stock.take("m", {"a": 2, "b": 1})
        assert await _left(cloud) == {"a": 3, "b": 0}
        for _ in range(2):
            await stock.give_back("m")
        assert await _left(cloud) == {"a": 5, "b": 1}
        with pytest.raises(NotEnoughError):
            await stock.take("m", {"a": 2})


async def test_a_movement_that_was_undone_before_it_happened_never_happens() -> None:
    async with OmniCloud(MEMORY) as cloud:
        stock = Accounts(cloud, "stock")
        await stock.open({"a": 5})
        await stock.give_back("late")
        with pytest.raises(NotEnoughError):
            await stock.take("late", {"a": 1})
        assert await _left(cloud) == {"a": 5}


async def test_nothing_is_taken_where_one_of_the_amounts_is_not_there() -> None:
    async with OmniCloud(MEMORY) as cloud:
        stock = Accounts(cloud, "stock")
        await stock.open({"a": 5, "b": 1})
        with pytest.raises(NotEnoughError):
            await stock.take("m", {"a": 2, "b": 2})
        assert await _left(cloud) == {"a": 5, "b": 1}


async def test_of_several_that_want_to_write_the_report_of_a_day_one_does() -> None:
    async with OmniCloud(MEMORY) as cloud:
        await take_orders(cloud, [ORDER])
        async with asyncio.TaskGroup() as tasks:
            wanted = [tasks.create_task(send_report(cloud, "2026-11-20")) for _ in range(5)]
        assert [one.result() for one in wanted].count(ReportOutcome.SENT) == 1
        assert await send_report(cloud, "2026-11-20") is ReportOutcome.ALREADY
        report = json.loads(await cloud.objects("invoices").download(report_key("2026-11-20")))
        assert report["orders"] == {"taken": 1}


async def test_no_report_is_written_while_another_process_leads() -> None:
    async with OmniCloud(MEMORY) as cloud:
        async with cloud.locks("jobs").elect("report/2026-11-20", 10):
            assert await send_report(cloud, "2026-11-20", wait=0) is ReportOutcome.ELSEWHERE
        assert await send_report(cloud, "2026-11-20") is ReportOutcome.SENT


@pytest.mark.parametrize(
    ("key", "body"),
    [
        (None, {"customer": "customer-001", "lines": {"sku-001": 1}}),
        ("k", []),
        ("k", {"customer": "nobody", "lines": {"sku-001": 1}}),
        ("k", {"customer": "customer-001", "lines": {}}),
        ("k", {"customer": "customer-001", "lines": {"sku-001": 0}}),
        ("k", {"customer": "customer-001", "lines": {"sku-001": True}}),
        ("k", {"customer": "customer-001", "lines": {"gold": 1}}),
    ],
)
def test_an_order_that_is_none_is_refused(key: object, body: object) -> None:
    with pytest.raises(BadOrderError):
        parsed(key, body)


def test_an_audit_tells_what_is_not_as_expected() -> None:
    audit = Audit()
    audit.note("orders", 2)
    audit.check("orders", 2, 2)
    audit.check("letters", 1, 2)
    assert audit.failures == ["letters: 1, expected 2"]
    assert "FAILED  letters" in audit.table()


async def _left(cloud: OmniCloud) -> dict[str, int]:
    accounts = await cloud.documents("stock").find_many("accounts")
    return {str(one["_id"]): int(one["left"]) for one in accounts}
