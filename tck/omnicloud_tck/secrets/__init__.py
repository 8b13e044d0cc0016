"""The laws of the secrets contract."""

from omnicloud_tck.secrets.contract import SecretsContract

__all__ = ["SecretsContract"]
