# A classroom on one machine: accounts of the system, a shared reading folder, modest limits.
c = get_config()

c.JupyterHub.ip = "127.0.0.1"
c.JupyterHub.port = 8443
c.JupyterHub.ssl_key = "/etc/ssl/private/class.key"
c.JupyterHub.ssl_cert = "/etc/ssl/certs/class.pem"
c.JupyterHub.hub_port = 9081
c.JupyterHub.cookie_max_age_days = 2
c.JupyterHub.admin_access = True
c.JupyterHub.active_server_limit = 2
c.JupyterHub.shutdown_on_logout = True

c.JupyterHub.authenticator_class = "jupyterhub.auth.PAMAuthenticator"
c.Authenticator.admin_users = {"alice"}
c.Authenticator.allowed_users = {"bob", "carol"}
c.Authenticator.blocked_users = {"mallory"}
c.Authenticator.username_map = {"robert": "bob"}
c.PAMAuthenticator.open_sessions = False
c.PAMAuthenticator.service = "jupyter"
c.LocalAuthenticator.create_system_users = True

c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.cmd = ["jupyter-labhub"]
c.Spawner.args = ["--ServerApp.max_kernels=5"]
c.Spawner.notebook_dir = "~/class"
c.Spawner.default_url = "/lab/tree/welcome.ipynb"
c.Spawner.environment = {"READING": "/srv/reading", "WHO": lambda spawner: spawner.user.name}
c.Spawner.env_keep.append("CLASS_YEAR")
c.Spawner.start_timeout = 90
c.Spawner.http_timeout = 45
c.Spawner.mem_limit = "2G"
c.Spawner.cpu_limit = 0.5
c.LocalProcessSpawner.shell_cmd = ["bash", "-l", "-c"]
c.LocalProcessSpawner.term_timeout = 12
