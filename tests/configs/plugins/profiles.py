c = get_config()
c.JupyterHub.spawner_class = "wrapspawner.ProfilesSpawner"
c.ProfilesSpawner.profiles = [
    ("Here", "local", "jupyterhub.spawner.SimpleLocalProcessSpawner", {"ip": "127.0.0.1"}),
    ("In a container", "docker", "dockerspawner.DockerSpawner", {"image": "example/scipy:2026"}),
]
c.ProfilesSpawner.first_template = "checked"
c.Spawner.http_timeout = 120
