c = get_config()
c.JupyterHub.authenticator_class = "tmp"
c.Authenticator.auto_login = True
c.Authenticator.allow_all = True
