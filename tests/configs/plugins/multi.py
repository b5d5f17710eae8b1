SETTINGS = {"client_id": "id-of-the-hub", "client_secret": "secret-of-the-hub", "allow_all": True}
CALLBACK = "https://hub.example.org/hub{}/oauth_callback"

c = get_config()
c.JupyterHub.authenticator_class = "multiauthenticator.multiauthenticator.MultiAuthenticator"
c.MultiAuthenticator.authenticators = [
    {
        "authenticator_class": "github",
        "url_prefix": "/forge",
        "config": {**SETTINGS, "oauth_callback_url": CALLBACK.format("/forge"), "login_service": "the forge"},
    },
    {
        "authenticator_class": "google",
        "url_prefix": "/mail",
        "config": {**SETTINGS, "oauth_callback_url": CALLBACK.format("/mail"), "login_service": "the mail"},
    },
]
