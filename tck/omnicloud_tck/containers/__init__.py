"""The laws of the containers contract."""

from __future__ import annotations

from omnicloud_tck.containers.abreast import AbreastLaws
from omnicloud_tck.containers.again import AgainLaws
from omnicloud_tck.containers.apart import ApartLaws
from omnicloud_tck.containers.attached import AttachedLaws
from omnicloud_tck.containers.between import BetweenLaws
from omnicloud_tck.containers.changing import ChangeLaws
from omnicloud_tck.containers.engine import EngineWorld
from omnicloud_tck.containers.figures import FigureLaws
from omnicloud_tck.containers.given import GivenLaws
from omnicloud_tck.containers.lives import LifeLaws
from omnicloud_tck.containers.meanwhile import MeanwhileLaws
from omnicloud_tck.containers.others import OtherLaws
from omnicloud_tck.containers.pages import PageLaws
from omnicloud_tck.containers.ports import PortLaws
from omnicloud_tck.containers.programs import ContainersPrograms
from omnicloud_tck.containers.rates import RateLaws
from omnicloud_tck.containers.refusals import RefusalLaws
from omnicloud_tck.containers.restarts import RestartLaws
from omnicloud_tck.containers.running import RunningLaws
from omnicloud_tck.containers.saying import LogLaws
from omnicloud_tck.containers.sharing import SharingLaws
from omnicloud_tck.containers.telling import EventLaws
from omnicloud_tck.containers.twice import TwiceLaws
from omnicloud_tck.containers.waiting import WaitingLaws
from omnicloud_tck.containers.whole import WholeLaws
from omnicloud_tck.general.verbs import Outages

__all__ = ["ContainersContract", "EngineWorld"]


class ContainersContract(
    LifeLaws,
    RestartLaws,
    LogLaws,
    PageLaws,
    RunningLaws,
    RateLaws,
    PortLaws,
    EventLaws,
    ApartLaws,
    OtherLaws,
    AttachedLaws,
    TwiceLaws,
    BetweenLaws,
    ChangeLaws,
    AgainLaws,
    FigureLaws,
    MeanwhileLaws,
    GivenLaws,
    SharingLaws,
    AbreastLaws,
    RefusalLaws,
    WholeLaws,
    WaitingLaws,
    ContainersPrograms,
    Outages,
):
    """Every promise of ``Containers``."""
