"""All pages below /hub."""

from __future__ import annotations

from web.pages import (
    admin,
    csp_report,
    errors,
    files,
    history,
    home,
    language,
    login,
    oauth_login,
    spawn,
    spawn_pending,
    token,
    user_redirect,
    user_url,
)
from web.pages.sharing import accept_share, share, share_news

ALL = (
    home.endpoints,
    spawn.endpoints,
    spawn_pending.endpoints,
    user_url.endpoints,
    user_redirect.endpoints,
    token.endpoints,
    share.endpoints,
    share_news.endpoints,
    accept_share.endpoints,
    admin.endpoints,
    history.endpoints,
    language.endpoints,
    login.endpoints,
    oauth_login.endpoints,
    csp_report.endpoints,
    errors.endpoints,
    files.endpoints,
)
