"""What can be taken once and given back once: pieces on a shelf, cents on an account.

Each movement is stored under an idempotency key in the transaction that makes it, so a step of
a saga may be repeated, may be undone before it was done, and may even come after it was undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import final

from omnicloud import AlreadyExistsError, OmniCloud

__all__ = ["Accounts", "NotEnoughError"]

TAKEN, GIVEN_BACK = "taken", "given back"


class NotEnoughError(Exception):
    """There is less than was asked for; nothing was taken."""


@final
class Accounts:
    """The accounts in one documents service, by logical name."""

    def __init__(self, cloud: OmniCloud, service: str) -> None:
        self._cloud = cloud
        self._service = service

    async def open(self, amounts: Mapping[str, int]) -> None:
        """Make the accounts, all of them or none; once."""
        if await self._cloud.documents(self._service).find_one("accounts", {}) is not None:
            return
        with suppress(AlreadyExistsError):  # another process came first
            async with self._cloud.transaction() as tx:
                for name, amount in amounts.items():
                    account = {"_id": name, "left": amount}
                    await tx.documents(self._service).insert_one("accounts", account)

    async def take(self, key: str, amounts: Mapping[str, int]) -> None:
        """Take all amounts or nothing; once for a key.

        Raises:
            NotEnoughError: One of them is not there, or the movement was undone before.
        """
        try:
            async with self._cloud.transaction() as tx:
                documents = tx.documents(self._service)
                await documents.insert_one("moves", {"_id": key, "state": TAKEN, **_kept(amounts)})
                for name, amount in amounts.items():
                    enough = {"_id": name, "left": {"$gte": amount}}
                    found = await documents.update_one(
                        "accounts", enough, {"$inc": {"left": -amount}}
                    )
                    if not found.matched:
                        raise NotEnoughError
        except AlreadyExistsError:
            await self._must_be_taken(key)

    async def give_back(self, key: str) -> None:
        """Undo the movement of a key, or keep it from happening; once."""
        async with self._cloud.transaction() as tx:
            documents = tx.documents(self._service)
            move = await documents.find_one("moves", {"_id": key})
            if move is None:
                await documents.insert_one("moves", {"_id": key, "state": GIVEN_BACK})
            elif move["state"] == TAKEN:
                for entry in move["amounts"]:
                    back = {"$inc": {"left": entry["amount"]}}
                    await documents.update_one("accounts", {"_id": entry["name"]}, back)
                await documents.update_one("moves", {"_id": key}, {"$set": {"state": GIVEN_BACK}})

    async def _must_be_taken(self, key: str) -> None:
        move = await self._cloud.documents(self._service).find_one("moves", {"_id": key})
        if move is None or move["state"] != TAKEN:
            raise NotEnoughError


def _kept(amounts: Mapping[str, int]) -> dict[str, object]:
    return {"amounts": [{"name": name, "amount": amount} for name, amount in amounts.items()]}
