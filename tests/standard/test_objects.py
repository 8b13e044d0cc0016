"""What the Open Omni-Cloud standard asks of objects, restated."""

from __future__ import annotations

import os

import pytest

from omnicloud import ObjectNotFoundError, OmniCloud
from omnicloud.contracts.objects import Objects


@pytest.fixture
def objects(cloud: OmniCloud) -> Objects:
    return cloud.objects("files")


async def test_what_is_uploaded_once_or_more_is_downloaded(objects: Objects) -> None:
    data = os.urandom(1024)
    for _ in range(3):
        await objects.upload("tck/object", data)
    assert await objects.download("tck/object") == data


async def test_a_missing_object_is_an_error(objects: Objects) -> None:
    with pytest.raises(ObjectNotFoundError):
        await objects.download("tck/missing")


async def test_a_deleted_object_is_gone(objects: Objects) -> None:
    await objects.upload("tck/object", b"there")
    await objects.delete("tck/object")
    with pytest.raises(ObjectNotFoundError):
        await objects.download("tck/object")


async def test_deleting_what_is_missing_is_no_error(objects: Objects) -> None:
    await objects.delete("tck/missing")


async def test_an_overwrite_replaces_content_of_another_size(objects: Objects) -> None:
    await objects.upload("tck/object", b"first and longer")
    await objects.upload("tck/object", b"second")
    assert await objects.download("tck/object") == b"second"
