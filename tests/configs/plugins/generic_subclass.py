"""A provider of the site's own; what it says of people is looked at by a class in this file."""

from oauthenticator.generic import GenericOAuthenticator


class SiteAuthenticator(GenericOAuthenticator):
    async def update_auth_model(self, auth_model):
        auth_model = await super().update_auth_model(auth_model)
        auth_model["admin"] = auth_model["name"].startswith("staff-")
        return auth_model


c = get_config()
c.JupyterHub.authenticator_class = SiteAuthenticator
c.GenericOAuthenticator.login_service = "the site"
c.GenericOAuthenticator.client_id = "id-of-the-hub"
c.GenericOAuthenticator.client_secret = "secret-of-the-hub"
c.GenericOAuthenticator.authorize_url = "https://login.example.org/authorize"
c.GenericOAuthenticator.token_url = "https://login.example.org/token"
c.GenericOAuthenticator.userdata_url = "https://login.example.org/userinfo"
c.GenericOAuthenticator.oauth_callback_url = "https://hub.example.org/hub/oauth_callback"
c.GenericOAuthenticator.username_claim = "preferred_username"
c.OAuthenticator.allow_all = True
