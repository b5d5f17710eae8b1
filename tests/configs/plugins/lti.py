c = get_config()
c.JupyterHub.authenticator_class = "ltiauthenticator.lti13.auth.LTI13Authenticator"
c.LTI13Authenticator.issuer = "https://lms.example.org"
c.LTI13Authenticator.authorize_url = "https://lms.example.org/auth"
c.LTI13Authenticator.client_id = {"id-of-the-tool"}
c.LTI13Authenticator.jwks_endpoint = "https://lms.example.org/jwks"
c.LTI13Authenticator.username_key = "email"
c.Authenticator.allow_all = True
c.JupyterHub.tornado_settings = {
    "headers": {"Content-Security-Policy": "frame-ancestors https://lms.example.org"}
}
