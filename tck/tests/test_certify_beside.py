"""Laws of virtual worlds are tried in copies of the process."""

from __future__ import annotations

import os

import pytest

from omnicloud_tck.beside import CopyEndedError, in_copies
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.runner import Result, Verdict
from omnicloud_tck.sagas import SagaContract

LAWS = laws_of(SagaContract)[:5]


def test_each_law_is_begun_and_comes_out_once() -> None:
    begun: list[Law] = []
    results = list(in_copies(LAWS, _held, begun.append))
    assert begun == list(LAWS)
    assert sorted(one.law.id for one in results) == sorted(law.id for law in LAWS)
    assert os.getpid() not in {one.seed for one in results}


def test_a_copy_that_ends_is_told_with_what_it_tried() -> None:
    with pytest.raises(CopyEndedError, match=LAWS[0].id):
        list(in_copies(LAWS[:1], _ends, lambda _: None))


def _held(made: Law) -> Result:
    return Result(made, Verdict.HELD, "", 0.0, os.getpid())


def _ends(_: Law) -> Result:
    os._exit(3)
