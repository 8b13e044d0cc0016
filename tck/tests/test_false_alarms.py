"""No law fails a correct provider that is slow: one seed here, 200 with ``tck-kills --full``."""

from __future__ import annotations

import pytest

from false_alarms import tried
from omnicloud_tck.contracts import CONTRACTS

_SEED = 11


@pytest.mark.parametrize("contract", sorted(CONTRACTS))
def test_a_slow_reference_breaks_no_law(contract: str) -> None:
    ended = tried("memory", contract, _SEED, examples=10)
    assert ended.alarms == ()
    assert ended.verdicts["held"] > 5
