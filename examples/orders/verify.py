"""The audit: what the stores say in the end, held against the orders that were sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from omnicloud import (
    CircuitOpenError,
    DeadlineExceededError,
    OmniCloud,
    ThrottledError,
    UnavailableError,
)
from omnicloud.contracts.sagas import SagaStatus

from .fulfilment import SETTLED_TOPIC, invoice_key
from .intake import TAKEN_TOPIC
from .model import CREDITS, STOCK, Order
from .published import orders_settled, orders_taken, told
from .report import report_key

__all__ = ["Audit", "is_settled", "unfinished", "verify", "verify_report"]


@final
@dataclass
class Audit:
    """Figures by name, and checks that failed."""

    figures: list[tuple[str, object]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def note(self, name: str, value: object) -> None:
        """Keep a figure."""
        self.figures.append((name, value))

    def check(self, what: str, found: object, expected: object) -> None:
        """Keep a failure where the two are unlike."""
        if found != expected:
            self.failures.append(f"{what}: {found}, expected {expected}")

    def table(self) -> str:
        """Figures, then failures."""
        width = max(len(name) for name, _ in self.figures)
        rows = [f"  {name:<{width}}  {value}" for name, value in self.figures]
        failed = [f"  FAILED  {one}" for one in self.failures]
        return "\n".join([*rows, *failed])


async def is_settled(cloud: OmniCloud, count: int) -> bool:
    """Whether so many orders were taken and nothing is under way any more.

    While a service is away nobody knows: not yet.
    """
    try:
        return await _is_settled(cloud, count)
    except (UnavailableError, ThrottledError, DeadlineExceededError, CircuitOpenError):
        return False


async def _is_settled(cloud: OmniCloud, count: int) -> bool:
    if await _depth(cloud) or (await cloud.outbox("events").lag()).pending:
        return False
    orders = cloud.documents("orders")
    if await orders.find_one("orders", {"status": "taken"}) is not None:
        return False
    if [state async for state in cloud.sagas("runs").list(SagaStatus.RUNNING)]:
        return False
    return await orders.count("orders") == count and not await _depth(cloud)


async def unfinished(cloud: OmniCloud, count: int, patience: float) -> Audit:
    """How far it had come when patience ran out."""
    audit = Audit()
    audit.failures.append(f"not done after {patience:.0f} s (--patience)")
    stored = await cloud.documents("orders").find_many("orders")
    audit.note("orders taken", f"{len(stored)} of {count}")
    for status, number in sorted(Counter(str(order["status"]) for order in stored).items()):
        audit.note(f"orders {status}", number)
    for status in SagaStatus:
        runs = [state.saga_id async for state in cloud.sagas("runs").list(status)]
        audit.note(f"sagas {status.lower()}", len(runs))
    lag = await cloud.outbox("events").lag()
    audit.note("events not published", lag.pending)
    audit.note("events laid aside", lag.parked)
    audit.note("messages not handled", await _depth(cloud))
    for topic in (TAKEN_TOPIC, SETTLED_TOPIC):
        dead = [one.id async for one in cloud.messaging("broker").dead_letters(topic)]
        audit.note(f"dead letters of {topic}", len(dead))
    return audit


async def verify(cloud: OmniCloud, sent: Sequence[Order]) -> Audit:
    """Look at every store."""
    audit = Audit()
    stored = await cloud.documents("orders").find_many("orders")
    status = {str(order["_id"]): str(order["status"]) for order in stored}
    expected = {order.key: order for order in sent}
    audit.note("orders taken", len(stored))
    audit.check("orders that are stored", set(status) == set(expected), True)
    confirmed = [order for order in sent if status.get(order.key) == "confirmed"]
    rejected = [order for order in sent if status.get(order.key) == "rejected"]
    audit.check("orders still open", len(sent) - len(confirmed) - len(rejected), 0)
    await _sagas(cloud, audit, confirmed, rejected)
    await _invoices(cloud, audit, confirmed)
    await _letters(cloud, audit, status)
    await _events(cloud, audit, set(status))
    await _accounts(cloud, audit, confirmed)
    return audit


async def _sagas(
    cloud: OmniCloud, audit: Audit, confirmed: Sequence[Order], rejected: Sequence[Order]
) -> None:
    found: dict[SagaStatus, set[str]] = {}
    for status in SagaStatus:
        runs = cloud.sagas("runs").list(status)
        found[status] = {state.saga_id async for state in runs}
    wanted = {SagaStatus.COMPLETED: confirmed, SagaStatus.COMPENSATED: rejected}
    for status, ids in found.items():
        if status in wanted:
            audit.note(f"sagas {status.lower()}", len(ids))
        same = ids == {order.key for order in wanted.get(status, ())}
        audit.check(f"sagas {status.lower()} are those of the orders", same, True)


async def _invoices(cloud: OmniCloud, audit: Audit, confirmed: Sequence[Order]) -> None:
    invoices = cloud.objects("invoices")
    keys = [item.key async for item in invoices.list("invoices/")]
    audit.note("invoices", len(keys))
    wanted = sorted(invoice_key(order.key) for order in confirmed)
    audit.check("each confirmed order has its invoice", keys == wanted, True)
    cents = 0
    for key in keys:
        cents += int(json.loads(await invoices.download(key))["cents"])
    audit.check("cents invoiced", cents, sum(order.cents for order in confirmed))


async def _letters(cloud: OmniCloud, audit: Audit, status: dict[str, str]) -> None:
    letters = await cloud.documents("letters").find_many("letters")
    told = Counter(str(letter["order"]) for letter in letters)
    audit.note("letters sent", len(letters))
    audit.check("orders with two letters", [key for key, n in told.items() if n > 1], [])
    audit.check("settled orders without a letter", len(set(status) - set(told)), 0)
    wrong = [one for one in letters if status.get(str(one["order"])) != one["status"]]
    audit.check("letters that say something else than the order", len(wrong), 0)


async def _events(cloud: OmniCloud, audit: Audit, keys: set[str]) -> None:
    lag = await cloud.outbox("events").lag()
    audit.check("events not published", lag.pending + lag.parked, 0)
    broker = cloud.messaging("broker")
    for topic, keys_of in ((TAKEN_TOPIC, orders_taken), (SETTLED_TOPIC, orders_settled)):
        counts = await told(broker, topic, len(keys), keys_of)
        audit.note(f"published as {topic}", len(counts))
        once = set(counts) == keys and set(counts.values()) <= {1}
        audit.check(f"each order was published once as {topic}", once, True)
        dead = [one.id async for one in broker.dead_letters(topic)]
        audit.check(f"dead letters of {topic}", dead, [])


async def _accounts(cloud: OmniCloud, audit: Audit, confirmed: Sequence[Order]) -> None:
    pieces: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    for order in confirmed:
        pieces.update(order.lines)
        cents[order.customer] += order.cents
    audit.note("pieces sold", pieces.total())
    audit.note("cents charged", cents.total())
    sides = (("stock", STOCK, pieces), ("payments", CREDITS, cents))
    for service, opening, gone in sides:
        left = {name: amount - gone[name] for name, amount in opening.items()}
        documents = await cloud.documents(service).find_many("accounts")
        found = {str(one["_id"]): one["left"] for one in documents}
        unlike = [name for name in left if found.get(name) != left[name]]
        audit.check(f"accounts of {service} that do not add up", unlike, [])


async def verify_report(cloud: OmniCloud, audit: Audit, day: str) -> None:
    """Hold the report of a day against the orders."""
    report = json.loads(await cloud.objects("invoices").download(report_key(day)))
    orders = await cloud.documents("orders").find_many("orders")
    confirmed = [int(order["cents"]) for order in orders if order["status"] == "confirmed"]
    audit.note("orders in the report", sum(report["orders"].values()))
    audit.check("orders in the report", sum(report["orders"].values()), len(orders))
    audit.check("cents in the report", report["cents"], sum(confirmed))


async def _depth(cloud: OmniCloud) -> int:
    broker = cloud.messaging("broker")
    total = 0
    for topic, group in ((TAKEN_TOPIC, "fulfilment"), (SETTLED_TOPIC, "letters")):
        depth = await broker.depth(topic, group)
        total += depth.ready + depth.in_flight + depth.waiting
    return total
