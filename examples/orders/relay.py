"""The relay: publishes what the outbox holds."""

from __future__ import annotations

from omnicloud import OmniCloud
from omnicloud.contracts.outbox import Relay

from .worker import LEASE_SECONDS

__all__ = ["run_relay"]


async def run_relay(cloud: OmniCloud) -> None:
    """Work until cancelled."""
    forward = cloud.messaging("broker").forward
    await Relay(cloud.outbox("events"), forward, lease=LEASE_SECONDS).run()
