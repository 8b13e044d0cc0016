"""What the Open Omni-Cloud standard asks of saga states, restated."""

from __future__ import annotations

import pytest

from omnicloud import OmniCloud, SagaStateConflictError
from omnicloud.contracts.sagas import SagaState, SagaStates, SagaStepHistory


@pytest.fixture
def states(cloud: OmniCloud) -> SagaStates:
    return cloud.sagas("orders")


@pytest.mark.parametrize("step", [0, "reserve", None])
async def test_a_saga_is_created_with_version_1_and_updated_to_2(
    states: SagaStates, step: int | str | None
) -> None:
    assert await states.get_state("s") is None
    await states.create_state(SagaState("s", "RUNNING", step, [], {"n": 1}, 0))
    state = await states.get_state("s")
    assert state == SagaState("s", "RUNNING", step, [], {"n": 1}, 1)
    done = [SagaStepHistory(step_name="reserve", status="SUCCESS")]
    await states.update_state(state._replace(current_step=1, history=done))
    assert await states.get_state("s") == SagaState("s", "RUNNING", 1, done, {"n": 1}, 2)


async def test_a_stale_version_conflicts_and_writes_nothing(states: SagaStates) -> None:
    await states.create_state(SagaState("s", "RUNNING", 0, [], {}, 0))
    read = await states.get_state("s")
    assert read is not None
    await states.update_state(read._replace(current_step=1))
    with pytest.raises(SagaStateConflictError):
        await states.update_state(read._replace(status="FAILED"))
    assert await states.get_state("s") == SagaState("s", "RUNNING", 1, [], {}, 2)
