"""The nightly report: written once for a day, by the one process that a lock elects."""

from __future__ import annotations

import json
from collections import Counter
from enum import StrEnum

from omnicloud import AlreadyExistsError, ConflictError, OmniCloud

__all__ = ["ReportOutcome", "report_key", "send_report"]

_LOCK_SECONDS = 5.0
_WAIT_SECONDS = 20.0


class ReportOutcome(StrEnum):
    """What became of a request to write the report of a day."""

    SENT = "sent"
    ELSEWHERE = "another process is writing it"
    ALREADY = "it was written before"


def report_key(day: str) -> str:
    """Where the report of a day lies."""
    return f"reports/{day}.json"


async def send_report(cloud: OmniCloud, day: str, *, wait: float = _WAIT_SECONDS) -> ReportOutcome:
    """Write the report of a day, unless another process does or did.

    While another leads it stands by for ``wait`` seconds, and takes over when that one dies. The
    lock keeps the others from working in vain; that there is one report is kept by the
    conditional write, also where the lock was lost in the middle.
    """
    try:
        async with cloud.locks("jobs").elect(f"report/{day}", _LOCK_SECONDS, wait=wait):
            return await _write(cloud, day)
    except ConflictError:
        return ReportOutcome.ELSEWHERE


async def _write(cloud: OmniCloud, day: str) -> ReportOutcome:
    invoices = cloud.objects("invoices")
    if await invoices.exists(report_key(day)):
        return ReportOutcome.ALREADY
    counts: Counter[str] = Counter()
    cents = 0
    async for entry in cloud.documents("orders").iterate("orders"):
        status = str(entry.document["status"])
        counts[status] += 1
        cents += int(entry.document["cents"]) if status == "confirmed" else 0
    report = json.dumps({"day": day, "orders": counts, "cents": cents}).encode()
    try:
        await invoices.upload(
            report_key(day), report, content_type="application/json", if_absent=True
        )
    except AlreadyExistsError:
        return ReportOutcome.ALREADY
    return ReportOutcome.SENT
