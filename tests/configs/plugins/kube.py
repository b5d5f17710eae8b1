c = get_config()
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.image = "example/scipy:2026"
c.KubeSpawner.namespace = "hub"
c.KubeSpawner.profile_list = [
    {"display_name": "Small", "slug": "small", "kubespawner_override": {"mem_limit": "1G"}},
    {
        "display_name": "GPU",
        "slug": "gpu",
        "kubespawner_override": {"extra_resource_limits": {"nvidia.com/gpu": "1"}},
    },
]
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.storage_capacity = "10Gi"
c.KubeSpawner.service_account = "server"
