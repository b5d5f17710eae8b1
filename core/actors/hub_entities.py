"""All that commands are given to, servers aside: one kind a line. Servers have work to do, and a supervisor for it."""

from __future__ import annotations

from core import engine, group, job, oauth_code, role, route, service, session, token, user
from core.actors.entity import Entities
from core.events.engine import EngineEvent, engine_stream
from core.events.file.store import EventStore
from core.events.group import GroupEvent, group_stream
from core.events.job import JobEvent, job_stream
from core.events.oauth import CodeEvent, code_stream
from core.events.role import RoleEvent, role_stream
from core.events.route import RouteEvent, route_stream
from core.events.service import ServiceEvent, service_stream
from core.events.session import SessionEvent, session_stream
from core.events.token import TokenEvent, token_stream
from core.events.user import UserEvent, user_stream

Users = Entities[user.AnyUser, user.Command, UserEvent]
Tokens = Entities[token.AnyToken, token.Command, TokenEvent]
Sessions = Entities[session.AnySession, session.Command, SessionEvent]
Groups = Entities[group.AnyGroup, group.Command, GroupEvent]
Roles = Entities[role.AnyRole, role.Command, RoleEvent]
Services = Entities[service.AnyService, service.Command, ServiceEvent]
Routes = Entities[route.AnyRoute, route.Command, RouteEvent]
JobEntities = Entities[job.AnyJob, job.Command, JobEvent]
EngineEntities = Entities[engine.Engine, engine.Command, EngineEvent]
Codes = Entities[oauth_code.AnyCode, oauth_code.Command, CodeEvent]


class HubEntities:
    def __init__(self, store: EventStore) -> None:
        self.users: Users = Entities(store, user_stream, user.NoUser(), user.decide, user.evolve)
        self.tokens: Tokens = Entities(store, token_stream, token.NoToken(), token.decide, token.evolve)
        self.sessions: Sessions = Entities(
            store, session_stream, session.NoSession(), session.decide, session.evolve
        )
        self.groups: Groups = Entities(
            store, group_stream, group.NoGroup(), group.decide, group.evolve, group.shortened
        )
        self.roles: Roles = Entities(store, role_stream, role.NoRole(), role.decide, role.evolve)
        self.services: Services = Entities(
            store, service_stream, service.NoService(), service.decide, service.evolve
        )
        self.routes: Routes = Entities(store, route_stream, route.NoRoute(), route.decide, route.evolve)
        self.jobs: JobEntities = Entities(store, job_stream, job.NoJob(), job.decide, job.evolve)
        self.engines: EngineEntities = Entities(
            store, engine_stream, engine.Engine(), engine.decide, engine.evolve
        )
        self.codes: Codes = Entities(
            store, code_stream, oauth_code.NoCode(), oauth_code.decide, oauth_code.evolve
        )
