"""Messages by topic: a retry, a dead letter, a delay. Runs with nothing installed but omnicloud."""

from __future__ import annotations

import asyncio

from omnicloud.cloud import OmniCloud
from omnicloud.contracts.messaging import Message, ProcessingOutcome

CONFIG = {"services": {"mail": {"contract": "messaging", "provider": "memory"}}}


async def send(message: Message) -> ProcessingOutcome:
    """Fails once for the first letter, and for ever for one without an address."""
    print(f"attempt {message.attempt} of {message.payload.decode()!r} to {message.key}")
    if message.key is None:
        return ProcessingOutcome.FAIL
    if message.payload == b"welcome" and message.attempt == 1:
        return ProcessingOutcome.RETRY
    return ProcessingOutcome.SUCCESS


async def main() -> None:
    async with OmniCloud(CONFIG) as cloud:
        mail = cloud.messaging("mail")
        worker = asyncio.create_task(mail.consume("letters", send, concurrency=4))
        await mail.publish("letters", b"welcome", key="ada@example.org")
        await mail.publish("letters", b"invoice", key="ada@example.org")
        await mail.publish("letters", b"lost", headers={"campaign": "spring"})
        await mail.publish("letters", b"reminder", key="bob@example.org", delay_seconds=0.5)
        await asyncio.sleep(1)
        async for letter in mail.dead_letters("letters"):
            print(f"dead: {letter.payload.decode()!r}, because {letter.reason}")
        worker.cancel()
        await asyncio.wait({worker})


if __name__ == "__main__":
    asyncio.run(main())
