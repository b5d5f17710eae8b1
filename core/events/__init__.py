"""Everything that can happen: the union of all events."""

from core.events.activity import ActivityEvent
from core.events.hub import HubEvent
from core.events.server import ServerEvent
from core.events.share import ShareCodeEvent, ShareEvent
from core.events.token import TokenEvent
from core.events.user import UserEvent

Event = HubEvent | UserEvent | ServerEvent | TokenEvent | ShareEvent | ShareCodeEvent | ActivityEvent

__all__ = ["Event"]
