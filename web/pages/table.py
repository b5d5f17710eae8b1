"""All pages below /hub."""

from __future__ import annotations

from web.pages import (
    accept_share,
    admin,
    csp_report,
    errors,
    files,
    history,
    home,
    login,
    oauth_login,
    spawn,
    spawn_pending,
    token,
    user_redirect,
    user_url,
)

ALL = (
    home.noun,
    spawn.noun,
    spawn_pending.noun,
    user_url.noun,
    user_redirect.noun,
    token.noun,
    accept_share.noun,
    admin.noun,
    history.noun,
    login.noun,
    oauth_login.noun,
    csp_report.noun,
    errors.noun,
    files.noun,
)
