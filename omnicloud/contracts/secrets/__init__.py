"""Small values that nobody may read by accident."""

from omnicloud.contracts.secrets.driver import SecretsDriver
from omnicloud.contracts.secrets.models import (
    Secret,
    SecretChange,
    SecretsFeature,
    SecretsLimits,
    VersionInfo,
)
from omnicloud.contracts.secrets.portable import Secrets

__all__ = [
    "Secret",
    "SecretChange",
    "Secrets",
    "SecretsDriver",
    "SecretsFeature",
    "SecretsLimits",
    "VersionInfo",
]
