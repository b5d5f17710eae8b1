"""What JupyterHub's and tornado's handlers have and views of a request have not, with what to use instead."""

from __future__ import annotations

from collections.abc import Mapping

from web.hook_views.rows import NO_ROWS

_ANSWERS = "a hook answers by what it returns or raises; the hub writes the answer"
_COOKIES = "what people are logged in by is not handed to hooks"
_LOGINS = "the hub logs people in; c.Authenticator.post_auth_hook changes or refuses a login"
_SERVERS = "servers are started and stopped through the REST API"
_PARTS = "parts of the hub are not handed to hooks; the REST API tells what they know"
_PAGES = "pages are changed by c.JupyterHub.template_paths and template_vars"

OF_HANDLERS: Mapping[str, str] = {
    "db": NO_ROWS,
    "users": "handler.find_user(name) finds one",
    "settings": "handler has the options of the hub as attributes, such as handler.base_url",
    **dict.fromkeys(
        (
            *(
                "SUPPORTED_METHODS",
                "add_header",
                "check_etag_header",
                "clear",
                "clear_header",
                "compute_etag",
            ),
            *(
                "content_security_policy",
                "data_received",
                "delete",
                "detach",
                "finish",
                "flush",
                "get",
                "head",
            ),
            *("get_content_type", "get_status", "initialize", "log_exception", "on_connection_close"),
            *("on_finish", "options", "patch", "post", "prepare", "put", "redirect", "send_error"),
            *("set_default_headers", "set_etag_header", "set_header", "set_status", "write", "write_error"),
            *("path_args", "path_kwargs", "ui"),
            *("append_query_parameters", "get_next_url", "reverse_url", "decode_argument"),
        ),
        _ANSWERS,
    ),
    **dict.fromkeys(
        (
            *("check_trusted_origin", "check_xsrf_cookie", "clear_all_cookies", "clear_cookie", "cookies"),
            *("clear_login_cookie", "create_signed_value", "get_auth_token", "get_cookie"),
            *("get_current_user_cookie", "get_current_user_token", "get_secure_cookie"),
            *("get_secure_cookie_key_version", "get_session_cookie", "get_signed_cookie"),
            *("get_signed_cookie_key_version", "get_token", "set_cookie", "set_hub_cookie"),
            *("set_login_cookie", "set_secure_cookie", "set_service_cookie", "set_session_cookie"),
            *("set_signed_cookie", "xsrf_form_html", "xsrf_token"),
        ),
        _COOKIES,
    ),
    **dict.fromkeys(("auth_to_user", "authenticate", "get_login_url", "login_user", "refresh_auth"), _LOGINS),
    **dict.fromkeys(
        (
            *("get_current_user_named_server_limit", "spawn_home_error", "spawn_single_user"),
            *("stop_single_user", "user_stopped"),
        ),
        _SERVERS,
    ),
    **dict.fromkeys(
        (
            *("app", "application", "config", "eventlog", "get_accessible_services", "get_scope_filter"),
            *("oauth_provider", "proxy", "require_setting", "services", "spawner_class"),
        ),
        _PARTS,
    ),
    **dict.fromkeys(
        (
            *("create_template_loader", "get_browser_locale", "get_template", "get_template_namespace"),
            *("get_template_path", "get_user_locale", "locale", "render", "render_embed_css"),
            *("render_embed_js", "render_linked_css", "render_linked_js", "render_string"),
            *("render_template", "static_url", "template_namespace", "version_hash"),
        ),
        _PAGES,
    ),
}
