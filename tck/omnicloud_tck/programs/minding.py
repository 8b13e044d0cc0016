"""What is minded of every request of a program, whatever it asks for."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.core.pipeline import Call, Handler
from omnicloud_tck.check import that

__all__ = ["Minding"]

_LONGEST = 300.0  # seconds by the world's clock, besides those that a request says it waits


class Minding:
    """Breaks the law where a request is not answered in minutes, or a page is too long.

    Programs let whole years pass, so nothing else would tell of a call that is answered when
    nobody waits for it any more.
    """

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        now = asyncio.get_running_loop().time
        sent = now()
        answer = await proceed(call)
        took = now() - sent
        that(took < _LONGEST + call.op.waits, f"{call.op.name} was answered after {took:.0f} s")
        limit = getattr(call.op, "limit", None)
        if limit is not None and hasattr(call.op, "cursor"):
            that(_listed(answer) <= limit, f"a page of {call.op.name} has more than {limit}")
        return answer


def _listed(page: Any) -> int:
    """How many are on a page."""
    lists = (getattr(page, listed, ()) for listed in ("keys", "names", "items"))
    return max((len(found) for found in lists if isinstance(found, tuple)), default=0)
