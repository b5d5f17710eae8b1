import os

os.environ.setdefault("GITLAB_URL", "https://git.example.org")
from oauthenticator.gitlab import GitLabOAuthenticator


class CourseAuthenticator(GitLabOAuthenticator):
    async def pre_spawn_start(self, user, spawner):
        state = await user.get_auth_state() or {}
        spawner.environment["GITLAB_TOKEN"] = state.get("access_token", "")


c = get_config()
c.JupyterHub.authenticator_class = CourseAuthenticator
c.GitLabOAuthenticator.client_id = "id-of-the-hub"
c.GitLabOAuthenticator.client_secret = "secret-of-the-hub"
c.GitLabOAuthenticator.oauth_callback_url = "https://hub.example.org/hub/oauth_callback"
c.GitLabOAuthenticator.allowed_gitlab_groups = {"physics"}
c.GitLabOAuthenticator.scope = ["read_user", "read_api"]
