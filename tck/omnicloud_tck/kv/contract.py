"""The laws of the kv contract."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.core.codec import BYTES
from omnicloud_tck.general.commits import Commits
from omnicloud_tck.general.cursors import Cursors
from omnicloud_tck.general.held import Unheld
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.pages import Paged
from omnicloud_tck.general.silence import Silences
from omnicloud_tck.general.steady import Steady
from omnicloud_tck.general.unended import Unended
from omnicloud_tck.general.views import Views
from omnicloud_tck.general.waits import Waits
from omnicloud_tck.kv.apart import KVApart
from omnicloud_tck.kv.counted import CountedLaws
from omnicloud_tck.kv.crowded import CrowdedLaws
from omnicloud_tck.kv.empty import EmptyLaws
from omnicloud_tck.kv.ends import EndLaws
from omnicloud_tck.kv.histories import KVHistories
from omnicloud_tck.kv.inside import InsideLaws
from omnicloud_tck.kv.lasting import LastingLaws
from omnicloud_tck.kv.late import LateLaws
from omnicloud_tck.kv.leaving import LeavingLaws
from omnicloud_tck.kv.long import LongLaws
from omnicloud_tck.kv.lookers import LookerLaws
from omnicloud_tck.kv.many import ManyLaws
from omnicloud_tck.kv.model import KVModel, kv_steps
from omnicloud_tck.kv.more import KVMore
from omnicloud_tck.kv.naming import NamingLaws
from omnicloud_tck.kv.numbered import NumberedLaws
from omnicloud_tck.kv.passing import PassingLaws
from omnicloud_tck.kv.programs import KVPrograms
from omnicloud_tck.kv.told import ToldLaws
from omnicloud_tck.kv.transactions import TransactionLaws
from omnicloud_tck.kv.values import ValueLaws
from omnicloud_tck.kv.versions import VersionLaws
from omnicloud_tck.kv.waking import WakingLaws
from omnicloud_tck.kv.ways import WaysLaws
from omnicloud_tck.law import law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.samples import PAYLOADS

__all__ = ["KVContract"]


class KVContract(
    ValueLaws,
    VersionLaws,
    EndLaws,
    EmptyLaws,
    ManyLaws,
    CountedLaws,
    CrowdedLaws,
    TransactionLaws,
    KVApart,
    KVMore,
    WaysLaws,
    NamingLaws,
    NumberedLaws,
    InsideLaws,
    PassingLaws,
    LeavingLaws,
    LastingLaws,
    LateLaws,
    LongLaws,
    LookerLaws,
    WakingLaws,
    KVHistories,
    KVPrograms,
    Paged,
    Unheld,
    Silences,
    Steady,
    ToldLaws,
    Cursors,
    Commits,
    Unended,
    Views,
    Waits,
):
    """Every promise of ``KV``."""

    contract = "kv"

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        await KV(pipeline, BYTES).set(name, payload)

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        return await KV(pipeline, BYTES).get(name)

    async def remove(self, pipeline: Pipe, name: str) -> None:
        await KV(pipeline, BYTES).delete(name)

    def payloads(self, pipeline: Pipe) -> tuple[bytes, ...]:
        limit = pipeline.driver.limits.value_max_bytes
        return tuple(payload for payload in PAYLOADS if len(payload) <= limit)

    async def names(self, pipeline: Pipe) -> set[str] | None:
        if KVFeature.SCAN not in pipeline.driver.features:
            return None
        return {key async for key in KV(pipeline, BYTES).scan()}

    @law(
        "KV-100",
        "Any sequence of operations, from two clients, answers as a dictionary would.",
        machine=True,
    )
    def any_sequence_answers_as_a_dictionary(self, lab: Lab) -> None:
        clients = lab.run(self._two(lab.world))
        examples = iter(range(1_000_000))

        @drawn(lab)
        @given(st.lists(kv_steps(clients[0].pipeline.driver.features), max_size=30))
        def agree(steps: list[Any]) -> None:
            model = KVModel(f"model-{next(examples)}-")
            lab.run(model.follow(steps, clients))

        agree()
