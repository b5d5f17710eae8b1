"""A class at a university whose people have accounts at a forge."""

c = get_config()
c.JupyterHub.authenticator_class = "github"
c.GitHubOAuthenticator.client_id = "id-of-the-hub"
c.GitHubOAuthenticator.client_secret = "secret-of-the-hub"
c.GitHubOAuthenticator.oauth_callback_url = "https://hub.example.org/hub/oauth_callback"
c.GitHubOAuthenticator.allowed_organizations = {"campus"}
c.GitHubOAuthenticator.scope = ["read:org"]
c.Authenticator.admin_users = {"alice"}
