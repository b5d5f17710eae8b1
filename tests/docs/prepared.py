"""What pages take for granted: commands that are run before the first of theirs, at /srv/hub."""

from __future__ import annotations

HUB = """
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "a password long enough"
c.Authenticator.allowed_users = {"alice", "bob"}
c.Authenticator.admin_users = {"admin"}
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.load_groups = {"class": ["alice", "bob"], "students": ["bob"]}
c.JupyterHub.services = [{"name": "culler"}]
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "shares!user", "list:users", "list:groups"]}]
c.Callboard.spawner_profiles = {"cpu": {}, "gpu": {}}
"""

REAL_SERVERS = """
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "/srv/hub/homes/{username}"
c.Spawner.args = ["--allow-root"]
"""


def written(*names: str, more: str = "") -> str:
    """That configuration, in files of these names."""
    return f"mkdir -p /etc/callboard/conf.d; tee {' '.join(names)} >/dev/null <<'END OF HUB'{HUB}{more}END OF HUB"


RUNNING = (
    written("jupyterhub_config.py"),
    "callboard -f jupyterhub_config.py",
    "export TOKEN=$(callboard token admin)",
    "callboard start alice/lab",
)

# somebody else's: the provider that docs/first-hour/openid-connect.md logs in with
PROVIDER = (
    "mkdir /srv/provider && cd /srv/provider",
    "echo 127.0.0.1 login.example >> /etc/hosts",
    "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=login.example "
    "-addext subjectAltName=DNS:login.example -keyout provider.pem -out trusted.pem 2>/dev/null",
    "cat trusted.pem >> provider.pem",
    "/opt/callboard/bin/python $WORK/oidc_provider.py provider.pem https://login.example >/dev/null 2>&1 & sleep 1",
    "cd /srv/hub",
    "export SSL_CERT_FILE=/srv/provider/trusted.pem CURL_CA_BUNDLE=/srv/provider/trusted.pem",
)

PREPARED: dict[str, tuple[str, ...]] = {
    "administration.md": RUNNING,
    "command-line.md": (written("jupyterhub_config.py", "/etc/callboard/hub.py", more=REAL_SERVERS),),
    "configuration.md": (written("hub.py", "/etc/callboard/hub.py"),),
    "events.md": RUNNING,
    "how-it-works.md": RUNNING,
    "metrics.md": RUNNING,
    "migrating.md": (written("jupyterhub_config.py"),),
    "rest-api.md": RUNNING,
    "upgrading.md": RUNNING,
}
