# Each user on a host name of their own, behind another proxy that ends TLS.
c = get_config()

c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.subdomain_host = "https://hub.example.org"
c.JupyterHub.subdomain_hook = "idna"
c.JupyterHub.public_url = "https://hub.example.org"
c.JupyterHub.trusted_downstream_ips = ["10.0.0.0/8"]
c.JupyterHub.cookie_host_prefix_enabled = False
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "10.1.2.3"
c.JupyterHub.tornado_settings = {"cookie_options": {"samesite": "Lax"}}
