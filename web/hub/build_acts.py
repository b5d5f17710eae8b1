"""Hands each act the parts it uses, and no more."""

from __future__ import annotations

from web.bulk.acts import BulkActs
from web.bulk.asker import Askers
from web.hub.acts import Acts
from web.hub.hub import Hub
from web.login.accounts import Accounts
from web.login.by_link import LinkLogin
from web.login.disarming import Disarming
from web.login.groups import LoginGroups
from web.login.log_in import CredentialLogin
from web.login.refresh import LoginRefresh
from web.login.roles import LoginRoles
from web.oauth.provider import Provider
from web.oauth.validator import Known
from web.servers.named import NamedServers
from web.servers.starting import Starting
from web.servers.stopping import Stopping
from web.sharing.granting import Granting
from web.sharing.issuing import TokenIssuing
from web.sharing.share_news import ShareTelling
from web.sharing.sharing import ServerSharing


def build_acts(hub: Hub, token_key: bytes) -> Acts:
    """`token_key`: see `TokenIssuing` and `ServerSharing`."""
    db, entities, logins, names = hub.store.db, hub.entities, hub.logins, hub.user_names
    login_roles = LoginRoles(db, entities.roles, hub.rights)
    accounts = Accounts(
        db,
        entities.users,
        LoginGroups(db, entities.groups),
        login_roles,
        names,
        logins,
        lambda: hub.settings.authenticator,
        lambda: hub.launch.views.around().authenticator,
    )
    refresh = LoginRefresh(db, accounts, names, logins, lambda: hub.settings.authenticator)
    return Acts(
        accounts=accounts,
        credential_login=CredentialLogin(
            db, accounts, names, logins, hub.refusals, hub.metrics, hub.rights.of_user
        ),
        link_login=LinkLogin(hub.base_url, db, logins, hub.refusals),
        login_refresh=refresh,
        login_roles=login_roles,
        disarming=Disarming(
            hub.store, hub.rights, entities, hub.sessions, hub.sharing, hub.servers, hub.errands
        ),
        named=NamedServers(db, entities.users, hub.launch.hooks, lambda: hub.settings),
        starting=Starting(
            hub.servers,
            hub.spawner,
            hub.launch,
            hub.turns,
            refresh,
            lambda: hub.settings,
            is_ending=lambda: hub.closing.is_set() and hub.ending.servers,
            closed=hub.closed,
        ),
        stopping=Stopping(db, hub.servers, hub.removals, refresh, lambda: hub.settings, closed=hub.closed),
        granting=Granting(hub.rights, logins, names, lambda: hub.settings.hub),
        sharing=ServerSharing(db, hub.rights, hub.sharing, token_key),
        tokens=TokenIssuing(db, entities.tokens, hub.rights, lambda: hub.settings.hub, token_key),
        share_news=ShareTelling(db, entities.users, hub.feed.names),
        oauth=Provider(
            Known(db, hub.oauth_clients, hub.tokens, hub.rights),
            entities.codes,
            entities.tokens,
            lambda: hub.settings.hub,
        ),
    )


def build_bulk(hub: Hub) -> BulkActs:
    db, acts = hub.store.db, hub.acts
    return BulkActs(
        db,
        hub.rights,
        Askers(db, hub.rights),
        acts.granting,
        acts.named,
        acts.starting,
        acts.stopping,
        hub.servers,
        hub.user_deletion,
        hub.entities.groups,
    )
