"""Events that take no right from anybody who is remembered, and give none."""

from __future__ import annotations

from core.events.access import AccessRefused
from core.events.activity import ActivityRecorded
from core.events.hub import HubEvent
from core.events.job import JobEvent
from core.events.oauth import CodeEvent
from core.events.route import RouteEvent
from core.events.service import ServiceExited, ServiceFailed, ServiceStarted
from core.events.session import SessionEvent
from core.events.share import ShareCodeEvent
from core.events.token import TokenIssued
from core.events.user import (
    AuthStateChanged,
    NewsSeen,
    ServerAdded,
    ServerRemovalRequested,
    ServerTitled,
    UserCreated,
    UserDeletionRequested,
    UserInfoChanged,
)

HARMLESS = (
    HubEvent
    | ActivityRecorded
    | AccessRefused
    | UserCreated
    | UserInfoChanged
    | AuthStateChanged
    | NewsSeen
    | UserDeletionRequested
    | ServerAdded
    | ServerTitled
    | ServerRemovalRequested
    | TokenIssued
    | SessionEvent
    | CodeEvent
    | ServiceStarted
    | ServiceExited
    | ServiceFailed
    | RouteEvent
    | ShareCodeEvent
    | JobEvent
)
