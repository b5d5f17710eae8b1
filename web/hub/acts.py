"""What can be done with a hub, by whoever asks: each act takes who does it, and the record of a command sent twice."""

from __future__ import annotations

from dataclasses import dataclass

from web.login.accounts import Accounts
from web.login.by_link import LinkLogin
from web.login.disarming import Disarming
from web.login.log_in import CredentialLogin
from web.login.refresh import LoginRefresh
from web.login.roles import LoginRoles
from web.oauth.provider import Provider
from web.servers.named import NamedServers
from web.servers.starting import Starting
from web.servers.stopping import Stopping
from web.sharing.granting import Granting
from web.sharing.issuing import TokenIssuing
from web.sharing.share_news import ShareTelling
from web.sharing.sharing import ServerSharing


@dataclass(kw_only=True, eq=False, repr=False)
class Acts:
    """Built by `web/hub/build_acts.py`."""

    # coming in
    accounts: Accounts
    credential_login: CredentialLogin
    link_login: LinkLogin
    login_refresh: LoginRefresh
    login_roles: LoginRoles
    disarming: Disarming

    # servers
    named: NamedServers
    starting: Starting
    stopping: Stopping

    # giving
    granting: Granting
    sharing: ServerSharing
    share_news: ShareTelling
    tokens: TokenIssuing
    oauth: Provider
