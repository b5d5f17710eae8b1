# A university: people log in at its provider, whose groups say what they may.
import os

c = get_config()

c.JupyterHub.bind_url = "http://:8000/jupyter"
c.JupyterHub.public_url = "https://hub.example.org/jupyter/"
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = os.environ.get("CLIENT_ID", "callboard")
c.GenericOAuthenticator.client_secret = os.environ.get("CLIENT_SECRET", "secret-of-the-client")
c.GenericOAuthenticator.authorize_url = "https://login.example.org/authorize"
c.GenericOAuthenticator.token_url = "https://login.example.org/token"
c.GenericOAuthenticator.userdata_url = "https://login.example.org/userinfo"
c.GenericOAuthenticator.login_service = "Example University"
c.GenericOAuthenticator.scope = ["openid", "profile", "groups"]
c.GenericOAuthenticator.username_claim = lambda claims: claims["email"].partition("@")[0]
c.GenericOAuthenticator.claim_groups_key = "groups"
c.GenericOAuthenticator.admin_groups = {"it"}
c.Authenticator.allow_all = True
c.Authenticator.auto_login = True
c.Authenticator.enable_auth_state = True
c.Authenticator.manage_groups = True
c.Authenticator.auth_refresh_age = 900
c.Authenticator.refresh_pre_spawn = True
c.CryptKeeper.keys = ["11" * 32]


def hand_on_token(spawner, auth_state):
    if auth_state:
        spawner.environment["PROVIDER_TOKEN"] = auth_state["access_token"]


c.Spawner.auth_state_hook = hand_on_token
c.Spawner.group_overrides = {
    "gpu": {"groups": ["gpu-users"], "spawner_override": {"mem_limit": "32G", "environment": {"GPU": "1"}}}
}
