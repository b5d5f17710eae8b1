"""What JupyterHub's spawners have and views of a start have not, with what to use instead."""

from __future__ import annotations

from collections.abc import Mapping

from web.hook_views.rows import NO_ROWS
from web.hook_views.traitlets_names import OF_TRAITLETS

_POLLS = "the hub polls by itself (c.Spawner.poll_interval); c.Spawner.post_stop_hook is told of every end"
_STARTS = "the hub starts and stops servers; a hook that raises an error ends the start it is called for"
_HOOKS = "the hub calls the functions of the configuration by itself"
_TLS = "TLS between the hub and its servers (internal_ssl) is not there"
_PROCESS = "the hub starts processes by a launcher of its own; c.LocalProcessSpawner.popen_kwargs says how"

OF_SPAWNERS: Mapping[str, str] = {
    **OF_TRAITLETS,
    "db": NO_ROWS,
    **dict.fromkeys(("add_poll_callback", "poll_and_notify", "start_polling", "stop_polling"), _POLLS),
    **dict.fromkeys(("wait_for_death", "death_interval"), _POLLS),
    **dict.fromkeys(("start", "stop", "will_resume"), _STARTS),
    **dict.fromkeys(
        ("run_auth_state_hook", "run_options_from_form", "run_post_stop_hook", "run_pre_spawn_hook"), _HOOKS
    ),
    **dict.fromkeys(("get_options_form", "options_from_query", "apply_group_overrides"), _HOOKS),
    **dict.fromkeys(("create_certs", "move_certs", "cert_paths"), _TLS),
    **dict.fromkeys(("internal_certs_location", "internal_trust_bundles"), _TLS),
    **dict.fromkeys(("ssl_alt_names", "ssl_alt_names_include_local", "trusted_alt_names"), _TLS),
    "delete_forever": "c.Spawner.post_stop_hook is told of every end; a server is removed through the REST API",
    "rename": "PATCH /hub/api/users/NAME/servers/SERVER gives a server another name",
    "oauth_roles": "c.Spawner.oauth_client_allowed_scopes says what visitors may let the server do",
    **dict.fromkeys(("make_preexec_fn", "proc", "user_env"), _PROCESS),
    "pid": "spawner.get_state() tells it of a process that runs",
    "home_dir": "c.SimpleLocalProcessSpawner.home_dir_template says where it is",
    **dict.fromkeys(
        (
            "interrupt_timeout",
            "term_timeout",
            "kill_timeout",
            "popen_kwargs",
            "shell_cmd",
            "home_dir_template",
        ),
        "servers are not processes of this machine here, so that there is no such option",
    ),
}
