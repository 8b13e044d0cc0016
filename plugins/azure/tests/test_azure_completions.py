"""Of completions of one upload one is done, and none is done by half.

Each is several requests here; see the provider's ``uploads``.
"""

from __future__ import annotations

import pytest

from omnicloud.contracts.objects import Objects
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.uploads import CompleteUpload, UploadPart
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud_azure import uploads
from omnicloud_azure.certify import world
from omnicloud_tck.objects.completing import completions_cut, completions_met

pytestmark = pytest.mark.timeout(900)  # the first one may install the emulator


async def test_of_completions_of_one_upload_that_meet_one_is_done() -> None:
    one = world("objects")
    await completions_met(one, times=3)
    await one.aclose()


async def test_a_completion_that_is_cancelled_leaves_the_object_or_the_upload() -> None:
    one = world("objects")
    await completions_cut(one, times=6)
    await one.aclose()


async def test_an_empty_part_outlives_a_completion_that_was_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def cut(*_: object) -> None:
        raise UnavailableError("cut off once the parts were put together")

    one = world("objects")
    objects = Objects(await one.pipeline())
    upload_id = await objects.begin_upload("k")
    tag = await objects.pipeline.send(UploadPart("k", upload_id, 1, 0, b"", last=True))
    whole = CompleteUpload("k", upload_id, (PartTag(1, tag),))
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "copied", cut)
        with pytest.raises(UnavailableError):
            await objects.pipeline.send(whole)
    wrong = CompleteUpload("k", upload_id, (PartTag(1, "00001-"),))
    with pytest.raises(ConflictError):
        await objects.pipeline.send(wrong)
    await objects.pipeline.send(whole)
    assert await objects.download("k") == b""
    await one.aclose()
