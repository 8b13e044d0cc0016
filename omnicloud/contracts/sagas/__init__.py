"""Work of several steps that all happen in the end, or are all undone."""

from omnicloud.contracts.sagas.definition import (
    Saga,
    SagaReport,
    SagaStatus,
    Step,
    StepContext,
    StepStatus,
    step,
)
from omnicloud.contracts.sagas.driver import SagaDriver
from omnicloud.contracts.sagas.engine import SagaEngine
from omnicloud.contracts.sagas.models import (
    SagaFeature,
    SagaLimits,
    SagaState,
    SagaStepHistory,
)
from omnicloud.contracts.sagas.portable import SagaStates

__all__ = [
    "Saga",
    "SagaDriver",
    "SagaEngine",
    "SagaFeature",
    "SagaLimits",
    "SagaReport",
    "SagaState",
    "SagaStates",
    "SagaStatus",
    "SagaStepHistory",
    "Step",
    "StepContext",
    "StepStatus",
    "step",
]
