c = get_config()
c.JupyterHub.authenticator_class = "oauthenticator.google.GoogleOAuthenticator"
c.GoogleOAuthenticator.client_id = "id-of-the-hub"
c.GoogleOAuthenticator.client_secret = "secret-of-the-hub"
c.GoogleOAuthenticator.oauth_callback_url = "https://hub.example.org/hub/oauth_callback"
c.GoogleOAuthenticator.hosted_domain = ["example.org"]
c.GoogleOAuthenticator.login_service = "Example College"
c.OAuthenticator.allow_all = True
