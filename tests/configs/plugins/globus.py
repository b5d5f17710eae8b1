c = get_config()
c.JupyterHub.authenticator_class = "globus"
c.GlobusOAuthenticator.client_id = "id-of-the-hub"
c.GlobusOAuthenticator.client_secret = "secret-of-the-hub"
c.GlobusOAuthenticator.oauth_callback_url = "https://hub.example.org/hub/oauth_callback"
c.GlobusOAuthenticator.identity_provider = "example.org"
c.GlobusOAuthenticator.exclude_tokens = ["auth.globus.org"]
c.Authenticator.allow_all = True
