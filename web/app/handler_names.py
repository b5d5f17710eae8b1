"""What monitors call the handler of a request: as in JupyterHub, by which Grafana's dashboards select.

What JupyterHub does not have goes by where its handler is here, such as `web.api.events.follow`.
"""

from __future__ import annotations

from web.request.routing import Route

# the classes of its handlers by their modules, and the routes here that answer what each of them answers there
_ROUTES = {
    "jupyterhub.apihandlers.auth": {
        "CookieAPIHandler": "authorizations.cookie_owner",
        "OAuthAuthorizeHandler": "authorize.ask authorize.agree",
        "OAuthTokenHandler": "oauth2.token",
        "TokenAPIHandler": "authorizations.token_owner authorizations.no_token authorizations.issue",
    },
    "jupyterhub.apihandlers.groups": {
        "GroupAPIHandler": "groups.read groups.create groups.delete",
        "GroupListAPIHandler": "groups.listed groups.create_many",
        "GroupPropertiesAPIHandler": "groups.replace_properties",
        "GroupUsersAPIHandler": "groups.add_users groups.remove_users",
    },
    "jupyterhub.apihandlers.hub": {
        "InfoAPIHandler": "hub.info hub.info_with_settings",
        "RootAPIHandler": "hub.root",
        "ShutdownAPIHandler": "hub.shut_down",
    },
    "jupyterhub.apihandlers.proxy": {
        "ProxyAPIHandler": "proxy.table proxy.add proxy.move proxy.remove",
    },
    "jupyterhub.apihandlers.services": {
        "ServiceAPIHandler": "services.read services.create services.delete",
        "ServiceListAPIHandler": "services.listed_services",
    },
    "jupyterhub.apihandlers.shares": {
        "GroupShareAPIHandler": "shared-with.one_with_group shared-with.group_leaves",
        "GroupShareListAPIHandler": "shared-with.with_group",
        "ServerShareAPIHandler": "shares.of_owner shares.of_server shares.grant shares.revoke shares.revoke_all "
        "shares-by-code.read shares-by-code.accept_it",
        "ServerShareCodeAPIHandler": "share-codes.of_owner share-codes.of_server share-codes.issue "
        "share-codes.revoke",
        "UserShareAPIHandler": "shared-with.one_with_user shared-with.user_leaves",
        "UserShareListAPIHandler": "shared-with.with_user",
    },
    "jupyterhub.apihandlers.users": {
        "ActivityAPIHandler": "users.activity",
        "SelfAPIHandler": "hub.me",
        "SpawnProgressAPIHandler": "progress.follow",
        "UserAPIHandler": "users.read users.create users.change users.delete",
        "UserAdminAccessAPIHandler": "users.admin_access",
        "UserListAPIHandler": "users.listed users.create_many",
        "UserServerAPIHandler": "servers.read servers.create servers.start servers.change servers.stop",
        "UserTokenAPIHandler": "tokens.read tokens.revoke",
        "UserTokenListAPIHandler": "tokens.listed tokens.issue",
    },
    "jupyterhub.handlers.base": {
        "CSPReportHandler": "security.report",
        "PrefixRedirectHandler": "outside.root outside.bare_hub outside.without_slash outside.stopped_server "
        "user_url_outside.refuse_outside",
        "UserRedirectHandler": "user_redirect.follow",
        "UserUrlHandler": "user_url.look_for user_url.refuse",
    },
    "jupyterhub.handlers.login": {
        "LoginHandler": "login.form login.submit",
        "LogoutHandler": "login.log_out",
    },
    "jupyterhub.handlers.metrics": {
        "MetricsHandler": "monitoring.metrics",
    },
    "jupyterhub.handlers.pages": {
        "AcceptShareHandler": "accept_share.show accept_share.submit",
        "AdminHandler": "admin.users",
        "HealthCheckHandler": "monitoring.health monitoring.health_alone",
        "HomeHandler": "home.show home.submit",
        "ProxyErrorHandler": "error.shown",
        "RootHandler": "home.root",
        "SpawnHandler": "spawn.show_own spawn.submit_own spawn.show spawn.submit",
        "SpawnPendingHandler": "spawn_pending.show spawn_pending.show_own spawn_pending.stop spawn_pending.stop_own",
        "TokenPageHandler": "token_page.show token_page.submit",
    },
    "jupyterhub.handlers.static": {
        "CacheControlStaticFilesHandler": "files.static",
        "LogoHandler": "files.logo",
    },
    "oauthenticator.oauth2": {
        "OAuthCallbackHandler": "oauth_login.finish",
        "OAuthLoginHandler": "oauth_login.begin",
    },
}
_HANDLERS = {
    route: f"{module}.{handler}"
    for module, handlers in _ROUTES.items()
    for handler, routes in handlers.items()
    for route in routes.split()
}

NONE = "unknown"  # no such URL, or not by this method


def handler_name(route: Route | None) -> str:
    return NONE if route is None else _HANDLERS.get(route.name) or route.label
