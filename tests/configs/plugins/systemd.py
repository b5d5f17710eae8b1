c = get_config()
c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
c.SystemdSpawner.mem_limit = "4G"
c.SystemdSpawner.cpu_limit = 2.0
c.SystemdSpawner.dynamic_users = True
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.unit_name_template = "server-{USERNAME}"
