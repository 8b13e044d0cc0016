"""Copying what one service holds to another of the same contract, to go on where it was stopped."""

from omnicloud.migration.copying import copy, losses_of
from omnicloud.migration.models import Failure, Loss, Report

__all__ = ["Failure", "Loss", "Report", "copy", "losses_of"]
