"""What an adapter answers to operations that its library does not have."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from omnicloud.contracts.cache import driver as cache
from omnicloud.contracts.cache.models import CacheLimits
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.kv.models import ChangePage, KVLimits, Page, Record
from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.objects import uploads
from omnicloud.contracts.objects.models import ObjectsLimits, PartInfo
from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import UnsupportedError

__all__ = ["PlainCache", "PlainKV", "PlainObjects", "refuse"]


async def refuse(operation: str) -> NoReturn:
    """Say that the library has no such operation.

    Raises:
        UnsupportedError: Always.
    """
    await asyncio.sleep(0)
    raise UnsupportedError(f"the library has no {operation}")


class PlainKV:
    """The optional part of a kv driver, refused; an adapter overrides what its library has."""

    features: frozenset[Feature] = NO_FEATURES
    limits = KVLimits()

    async def get_many(self, op: kv.GetMany, /) -> tuple[Record | None, ...]:
        await refuse(op.name)

    async def set_many(self, op: kv.SetMany, /) -> None:
        await refuse(op.name)

    async def delete_many(self, op: kv.DeleteMany, /) -> None:
        await refuse(op.name)

    async def scan(self, op: kv.Scan, /) -> Page:
        await refuse(op.name)

    async def increment(self, op: kv.Increment, /) -> int:
        await refuse(op.name)

    async def changes(self, op: kv.Changes, /) -> ChangePage:
        await refuse(op.name)

    async def begin(self, op: kv.Begin, /) -> Transaction:
        await refuse(op.name)

    def within(self, transaction: object, /) -> NoReturn:
        """Refused: the library has no transactions."""
        raise UnsupportedError("the library has no transactions")


class PlainCache:
    """The optional part of a cache driver, refused; an adapter overrides what its library has."""

    features: frozenset[Feature] = NO_FEATURES
    limits = CacheLimits()

    async def touch(self, op: cache.Touch, /) -> bool:
        await refuse(op.name)

    async def clear(self, op: cache.Clear, /) -> None:
        await refuse(op.name)

    async def claim(self, op: cache.Claim, /) -> bool:
        await refuse(op.name)

    async def fill(self, op: cache.Fill, /) -> bool:
        await refuse(op.name)

    async def unclaim(self, op: cache.Unclaim, /) -> None:
        await refuse(op.name)


class PlainObjects:
    """Uploads in parts and signed URLs, refused: what none of the libraries here has.

    Parts are no feature of the contract but part of it, so the laws about them are broken.
    """

    features: frozenset[Feature] = NO_FEATURES
    limits = ObjectsLimits()

    async def begin_upload(self, op: uploads.BeginUpload, /) -> str:
        await refuse(op.name)

    async def upload_part(self, op: uploads.UploadPart, /) -> str:
        await refuse(op.name)

    async def list_parts(self, op: uploads.ListParts, /) -> tuple[PartInfo, ...]:
        await refuse(op.name)

    async def complete_upload(self, op: uploads.CompleteUpload, /) -> str:
        await refuse(op.name)

    async def abort_upload(self, op: uploads.AbortUpload, /) -> None:
        await refuse(op.name)

    async def presign(self, op: objects.Presign, /) -> str:
        await refuse(op.name)
