"""Of completions of one upload one is done, and none is done by half.

Each is several requests here; see the provider's ``uploads``.
"""

from __future__ import annotations

from omnicloud_nats.certify import world
from omnicloud_tck.objects.completing import completions_cut, completions_met


async def test_of_completions_of_one_upload_that_meet_one_is_done() -> None:
    one = world("objects")
    await completions_met(one, times=5)
    await one.aclose()


async def test_a_completion_that_is_cancelled_leaves_the_object_or_the_upload() -> None:
    one = world("objects")
    await completions_cut(one, times=6)
    await one.aclose()
