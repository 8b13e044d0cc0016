"""The layer that closes payloads on their way to the service and opens them on the way back."""

from __future__ import annotations

from typing import Any

from omnicloud.core.operation import Seal
from omnicloud.core.pipeline import Call, Handler

__all__ = ["SealingLayer"]


class SealingLayer:
    """Lets no payload through in the clear.

    Args:
        seal: How a payload is closed, bound to its stored place.
    """

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the sealed call on and open the answer.

        Raises:
            UnsupportedError: The service must see the payload to do this; nothing was sent.
            CorruptedError: The answer was not closed by this seal for this place.
        """
        op = call.op
        answer = await proceed(call.with_op(op.sealed(self._seal)))
        return op.unsealed(answer, self._seal)
