"""In whichever verb a driver answers in an outage or tells payloads, the kit finds it."""

from __future__ import annotations

import pytest

from memory_world import memory_world
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.law import laws_of
from omnicloud_tck.runner import Verdict, try_law
from wrong_verbs import Wrong, every

_LAWS = {
    "CALM": ("G-065",),
    "DEAF": ("G-067",),
    "AGAIN": ("G-068",),
    "LATE": ("G-068",),
    "FAIL": ("G-065",),
    "TELL": ("G-066",),
}


@pytest.mark.parametrize("wrong", [pytest.param(wrong, id=wrong.id) for wrong in every()])
def test_each_verb_is_asked(wrong: Wrong) -> None:
    contract = contract_class(wrong.contract)
    for made in laws_of(contract):
        if made.id in _LAWS[wrong.id.partition("-")[0]]:
            result = try_law(contract(), made, lambda: memory_world(wrong.driver))
            assert result.verdict is Verdict.BROKEN
