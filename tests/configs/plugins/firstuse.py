c = get_config()
c.JupyterHub.authenticator_class = "firstuseauthenticator.FirstUseAuthenticator"
c.FirstUseAuthenticator.create_users = False
c.FirstUseAuthenticator.min_password_length = 12
c.FirstUseAuthenticator.dbm_path = "passwords.dbm"
c.Authenticator.allowed_users = {"bob"}
