"""Everything that can happen: the union of all events."""

from core.events.access import AccessEvent
from core.events.activity import ActivityEvent
from core.events.engine import EngineEvent
from core.events.group import GroupEvent
from core.events.hub import HubEvent
from core.events.job import JobEvent
from core.events.moving import MovingEvent
from core.events.oauth import CodeEvent
from core.events.role import RoleEvent
from core.events.route import RouteEvent
from core.events.server import ServerEvent
from core.events.service import ServiceEvent
from core.events.session import SessionEvent
from core.events.share import ShareCodeEvent, ShareEvent
from core.events.token import TokenEvent
from core.events.user import UserEvent

Event = (
    HubEvent
    | UserEvent
    | GroupEvent
    | RoleEvent
    | ServerEvent
    | ServiceEvent
    | RouteEvent
    | TokenEvent
    | SessionEvent
    | CodeEvent
    | ShareEvent
    | ShareCodeEvent
    | ActivityEvent
    | AccessEvent
    | JobEvent
    | EngineEvent
    | MovingEvent
)

__all__ = ["Event"]
