"""Traits of dockerspawner's class of the same name: which act here, and why others do not.

Source of the names: DockerSpawner's documentation, versions 12 to 14.
"""

REASONS = {
    "client_kwargs": "use docker_host, docker_tls_verify and docker_cert_path",
    "container_image": "use image",
    "container_ip": "use host_ip",
    "container_name_template": "containers are named after their spawn ids, so that the next hub finds them",
    "container_port": "use port",
    "container_prefix": "containers are named after their spawn ids, so that the next hub finds them",
    "escape": "names are escaped in one way, so that no two become one",
    "extra_start_kwargs": "engines take nothing at a start any more: use extra_host_config",
    "format_volume_name": "{username} is escaped, {raw_username} is not",
    "hub_ip_connect": "use c.JupyterHub.hub_connect_ip",
    "image_whitelist": "use allowed_images",
    "move_certs_image": "between hub and servers there is no TLS",
    "name_template": "containers are named after their spawn ids, so that the next hub finds them",
    "prefix": "containers are named after their spawn ids; hub_label tells those of two hubs apart",
    "remove_containers": "use remove",
    "tls": "use docker_host, docker_tls_verify and docker_cert_path",
    "tls_assert_hostname": "use docker_tls_verify",
    "tls_ca": "use docker_cert_path",
    "tls_cert": "use docker_cert_path",
    "tls_client": "use docker_cert_path",
    "tls_config": "use docker_tls_verify and docker_cert_path",
    "tls_key": "use docker_cert_path",
    "tls_verify": "use docker_tls_verify",
    "use_docker_client_env": "the environment counts where docker_host is not set",
    "use_internal_hostname": "with use_internal_ip a server is reached at its container's address",
}
"""Why traits of that class never act here."""

KNOWN = frozenset(
    {
        "allowed_images",
        "extra_create_kwargs",
        "extra_host_config",
        "host_ip",
        "image",
        "links",
        "mounts",
        "network_name",
        "post_start_cmd",
        "pull_policy",
        "read_only_volumes",
        "remove",
        "use_internal_ip",
        "volume_driver",
        "volumes",
    }
)
