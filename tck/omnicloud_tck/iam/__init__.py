"""The laws of the iam contract: what a set of rules allows, and what it never does."""

from omnicloud_tck.iam.contract import IAMContract

__all__ = ["IAMContract"]
