"""What is kept while a request is answered, besides the request: Quart's `g`, with names and types."""

from __future__ import annotations

import time
from collections.abc import Collection

from core.events.log.append_request import Outcome
from core.naming.ids import new_request_id
from projections.sessions import SessionRow
from web.presentation.wants import Wants
from web.request.routing import Route
from web.request.sent.form import Form
from web.rights.identity import Identity

NO_WANTS = Wants()


class Kept:
    """`began`: on the monotonic clock. `route`: None where none fits. `identity`, `session`: None for nobody known.

    `form_xsrf`: the token that came with the form. `xsrf_token`: the one that goes with this answer's page.
    `csp_nonce`, `form_targets`: what the page's Content-Security-Policy allows. `wants`: what its templates and HTML of
    the configuration rely on. `cookies_are_set`: by the handler.
    `may_be_recorded`: a command has been begun. `command_key`: the key and digest of a command that may be repeated;
    `secret_answer`: to be kept for it instead of what is sent.
    """

    def __init__(self) -> None:
        self.request_id = new_request_id()
        self.began = time.monotonic()
        self.route: Route | None = None
        self.identity: Identity | None = None
        self.session: SessionRow | None = None
        self.form: Form | None = None
        self.form_xsrf: str | None = None
        self.xsrf_token: str | None = None
        self.csp_nonce = ""
        self.form_targets: Collection[str] = ()
        self.wants = NO_WANTS
        self.cookies_are_set = False
        self.may_be_recorded = False
        self.command_key: tuple[str, str] | None = None
        self.secret_answer: Outcome | None = None
