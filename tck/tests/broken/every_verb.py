"""One driver of each contract for each way of being wrong in a single verb."""

from __future__ import annotations

from broken.registry import broken
from omnicloud_tck.contracts import contract_class
from wrong_verbs import every

_seen: set[tuple[str, str]] = set()

for _wrong in every():
    _kind = (_wrong.id.partition("-")[0], _wrong.contract)
    if _kind not in _seen:  # the others are tried by test_every_verb, by the laws that are meant
        _seen.add(_kind)
        enter = broken(_wrong.id, _wrong.tier, _wrong.summary, contract_class(_wrong.contract))
        enter(_wrong.driver)
