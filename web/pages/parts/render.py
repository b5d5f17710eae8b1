"""From a template and what it is to show to the answer: what every page knows, and its Content-Security-Policy."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from markupsafe import Markup
from quart import Response

from core.plugins.profiles import every_spawner
from core.scopes import Service, check
from core.scopes.held import Scopes
from projections import users
from projections.services import ServiceRow
from web.hook_views.user import UserView
from web.hub.health import log_banner
from web.pages.parts.share_news import news_of, this_page
from web.presentation.templates_found import with_nonce
from web.presentation.wants import wants_of
from web.request.context import asked, database, hub, kept
from web.request.credentials import session_of, xsrf_token
from web.request.handler_view import NOT_OF_THE_FORM
from web.request.idempotency import new_form_key
from web.rights.identity import Identity
from web.sessions.links import ARGUMENT as TICKET
from web.site import version
from web.texts.languages import LANGUAGES
from web.texts.templates import texts_for_elsewhere
from web.texts.translate import spoken

NOT_CARRIED = frozenset({*NOT_OF_THE_FORM, TICKET})
LONGEST_URL = 2000  # that a page says again in its links: of longer ones the path alone


async def page(
    template: str, status: int = 200, *, data: Mapping[str, Any] | None = None, **context: Any
) -> Response:
    """The answer that shows `template`. What is HTML in `context` is `Markup`; all else is escaped.

    `data`: for the page's scripts, besides what all of them know.
    """
    presentation = hub().presentation
    nonce = kept().csp_nonce = kept().csp_nonce or secrets.token_urlsafe(16)
    kept().wants |= presentation.wants_of(template)
    shown = await _variables(template, kept().identity or _viewer(), nonce) | context
    shown["jhdata"] |= data or {}
    return answer(presentation.templates.get_template(template).render(shown), status)


async def variables_for_plugins() -> dict[str, Any]:
    """Of the pages that plug-ins make of our templates; no policy restricts their scripts, so there is no nonce."""
    shown = await _variables("", kept().identity, "")
    return shown | texts_for_elsewhere() | {"wants_libraries": True, "wants_data": True}


async def _variables(template: str, identity: Identity | None, nonce: str) -> dict[str, Any]:
    if identity is not None and kept().session is None:
        kept().cookies_are_set = True  # a token in the header says nothing about the login of this browser
    user = _user(identity)
    given = await _administrators_variables(hub().presentation.variables, user)
    announcement = _announcement(given, template, nonce)
    return {
        **known_everywhere(identity, user, nonce),
        "is_login": template == "login.html",
        "announcement": announcement,
        "wants_libraries": kept().wants.libraries,
        "wants_data": kept().wants.data,
        **{name: value for name, value in given.items() if not name.startswith("announcement")},
    }


def answer(html: str, status: int) -> Response:
    response = Response(html, status, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"  # it may not be shown again once somebody has logged out
    response.headers["Content-Language"] = spoken()
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


def known_everywhere(identity: Identity | None, user: UserView | None, nonce: str) -> dict[str, Any]:
    """The variables of every template. Their names are JupyterHub's, on which customised templates rely."""
    settings, presentation = hub().settings.hub, hub().presentation
    prefix = f"{settings.base_url}hub/"
    scopes = identity.scopes if identity else Scopes()
    xsrf = xsrf_token()
    return {
        "base_url": prefix,
        "prefix": settings.base_url,
        "user": user,
        "login_url": f"{prefix}login",
        "logout_url": getattr(hub().logins.authenticator, "logout_path", f"{prefix}logout"),
        "login_term_url": "",
        "login_service": getattr(hub().logins.authenticator, "login_service", ""),
        "static_url": presentation.static_url,
        "logo_image_url": presentation.logo_url,
        "has_own_logo": presentation.has_own_logo,
        "version_hash": presentation.script_version,
        "server_version": version.COMPATIBLE,
        "own_version": version.OWN,
        "services": _services(scopes),
        "parsed_scopes": scopes.held,
        "expanded_scopes": scopes.as_strings(),
        "log_trouble": log_banner(hub(), names_path="admin-ui" in scopes.held),
        "engine_troubles": [engine.silence for engine in hub().spawner if engine.silence and user],
        "share_news": news_of(identity),
        "this_page": this_page,
        "xsrf": xsrf,
        "xsrf_token": xsrf,
        "new_form_key": new_form_key,
        "csp_nonce": nonce,
        "here": _here,
        "language": spoken(),
        "languages": LANGUAGES,
        "this_url": _this_url(),
        "request_id": kept().request_id,
        "jhdata": {
            "base_url": prefix,
            "prefix": settings.base_url,
            "user": user.name if user else None,
            "admin_access": "admin:servers" in scopes.held or "access:servers" in scopes.held,
            "options_form": _asks_before_starts(),
            "xsrf_token": xsrf,
        },
    }


def _asks_before_starts() -> bool:
    settings = hub().settings
    has_form = any(bool(spawner.form) for spawner in every_spawner(settings))
    return has_form or len(settings.callboard.spawner_profiles) > 1


def _viewer() -> Identity | None:
    """Who is logged in, where no route has asked: at a URL there is none for."""
    if kept().route is not None or kept().session is not None:
        return None
    session = kept().session = session_of(hub(), asked())
    return hub().rights.of_session(session) if session else None


def _user(identity: Identity | None) -> UserView | None:
    row = users.by_id(database(), identity.id) if identity and identity.kind == "user" else None
    if row is None:
        return None
    return hub().launch.views.user(row)


async def _administrators_variables(given: Mapping[str, Any], user: UserView | None) -> dict[str, Any]:
    """Functions among them are called with the user, each time."""
    return {
        name: await hub().launch.hooks.call(value, user)
        if inspect.isfunction(value) or inspect.ismethod(value)
        else value
        for name, value in given.items()
    }


def html_of_configuration(html: str) -> Markup:
    """HTML that an administrator or their hooks have made, for the page that is being answered."""
    nonce = kept().csp_nonce = kept().csp_nonce or secrets.token_urlsafe(16)
    kept().wants |= wants_of(html)
    return with_nonce(html, nonce)


def _announcement(variables: Mapping[str, Any], template: str, nonce: str) -> Markup:
    """HTML of the configuration: this page's own, else that of all pages."""
    name = f"announcement_{template.removesuffix('.html')}"
    html = str(variables.get(name, variables.get("announcement")) or "")
    kept().wants |= wants_of(html)
    return with_nonce(html, nonce)


def _here(name: str) -> Markup:
    """The attribute of a link of a menu to the page that is being shown, or to the one above it."""
    path = f"{hub().base_url}hub/{name}"
    if asked().path == path:
        return Markup(' aria-current="page"')
    return Markup(' aria-current="true"') if asked().path.startswith(f"{path}/") else Markup("")


def _this_url() -> str:
    """To come back to by a GET, without the token of a form."""
    pairs = parse_qsl(asked().query_string.decode("latin-1"), keep_blank_values=True)
    query = urlencode([pair for pair in pairs if pair[0] not in NOT_CARRIED])
    url = f"{asked().path}?{query}" if query else asked().path
    return url if len(url) <= LONGEST_URL else asked().path


def _services(scopes: Scopes) -> list[dict[str, Any]]:
    """Those the menu leads to."""
    return [
        {"name": row.name, "href": hub().hosts.url(row.defined().prefix), "info": row.defined().info or {}}
        for row in hub().services.all()
        if _is_shown(row, scopes)
    ]


def _is_shown(row: ServiceRow, scopes: Scopes) -> bool:
    defined = row.defined()
    if not defined.url or defined.display is False:
        return False
    answer = check(scopes, "access:services", Service(row.name), hub().rights.memberships)
    return answer.name == "ALLOWED"
