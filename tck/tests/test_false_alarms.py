"""No law fails a correct provider that is slow: three seeds here, 200 with ``tck-kills --full``."""

from __future__ import annotations

import pytest

from false_alarms import tried
from omnicloud_tck.contracts import CONTRACTS


@pytest.mark.parametrize("seed", [11, 23, 47])
@pytest.mark.parametrize("contract", sorted(CONTRACTS))
def test_a_slow_reference_breaks_no_law(contract: str, seed: int) -> None:
    ended = tried("memory", contract, seed, examples=10)
    assert ended.alarms == ()
    assert ended.verdicts["held"] > 5
