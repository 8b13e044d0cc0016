"""Who may do what: rules, and answers to whether a principal may act on a resource."""

from omnicloud.contracts.iam.driver import IAMDriver
from omnicloud.contracts.iam.models import (
    Access,
    Decision,
    IAMFeature,
    IAMLimits,
    Policy,
    Reason,
)
from omnicloud.contracts.iam.portable import IAM

__all__ = [
    "IAM",
    "Access",
    "Decision",
    "IAMDriver",
    "IAMFeature",
    "IAMLimits",
    "Policy",
    "Reason",
]
