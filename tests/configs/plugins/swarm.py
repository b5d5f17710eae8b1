c = get_config()
c.JupyterHub.spawner_class = "docker-swarm"
c.SwarmSpawner.image = "example/scipy:2026"
c.SwarmSpawner.network_name = "overlay"
c.SwarmSpawner.extra_placement_spec = {"constraints": ["node.role==worker"]}
c.SwarmSpawner.prefix = "campus"
