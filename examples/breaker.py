"""Stop calling what fails, and try again later."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.breaker import Breaker
from omnicloud.errors import CircuitOpenError


class Payments:
    """A dependency that is down at first."""

    def __init__(self) -> None:
        self.up = False

    async def charge(self, amount: int) -> str:
        """Charge, or fail as long as it is down."""
        await asyncio.sleep(0)
        if not self.up:
            raise ConnectionError("payments are down")
        return f"charged {amount}"


async def main() -> None:
    """Run the example."""
    payments = Payments()
    breaker = Breaker(failure_threshold=2, reset_timeout=0.2)
    for _ in range(3):
        try:
            await breaker.execute(payments.charge, 12)
        except CircuitOpenError as error:
            print(f"not called: {error.message}")
        except ConnectionError as error:
            print(f"called, and failed: {error}")

    payments.up = True
    await asyncio.sleep(0.25)
    print(f"the circuit is {breaker.state.value}")
    print(await breaker.execute(payments.charge, 12))
    print(f"the circuit is {breaker.state.value}")


if __name__ == "__main__":
    asyncio.run(main())
