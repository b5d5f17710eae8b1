c = get_config()
c.JupyterHub.authenticator_class = "cilogon"
c.CILogonOAuthenticator.client_id = "cilogon:/client_id/hub"
c.CILogonOAuthenticator.client_secret = "secret-of-the-hub"
c.CILogonOAuthenticator.oauth_callback_url = "https://hub.example.org/hub/oauth_callback"
c.CILogonOAuthenticator.allowed_idps = {
    "https://login.example.org/idp": {
        "username_derivation": {
            "username_claim": "email",
            "action": "strip_idp_domain",
            "domain": "example.org",
        },
        "allow_all": True,
    },
}
