c = get_config()
c.JupyterHub.spawner_class = "sudospawner.SudoSpawner"
c.SudoSpawner.sudospawner_path = "/opt/hub/bin/sudospawner"
c.SudoSpawner.sudo_args = ["-nH"]
