c = get_config()
c.JupyterHub.authenticator_class = "ldap"
c.LDAPAuthenticator.server_address = "ldap.example.org"
c.LDAPAuthenticator.bind_dn_template = ["uid={username},ou=people,dc=example,dc=org"]
c.LDAPAuthenticator.allowed_groups = ["cn=hub,ou=groups,dc=example,dc=org"]
c.LDAPAuthenticator.lookup_dn = False
c.LDAPAuthenticator.tls_strategy = "on_connect"
