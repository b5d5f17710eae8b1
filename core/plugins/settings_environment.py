"""What a server is told of its settings: variables of its environment. Source: JupyterHub's Spawner."""

from __future__ import annotations

from collections.abc import Mapping

from core.settings import SpawnerSettings


def settings_environment(settings: SpawnerSettings, namespace: Mapping[str, str]) -> dict[str, str]:
    """`namespace`: what is filled into templates: `username`, `servername` and `base_url`, the server's path."""
    given = {
        "JUPYTERHUB_ROOT_DIR": filled(settings.notebook_dir, namespace),
        "JUPYTERHUB_DEFAULT_URL": filled(settings.default_url, namespace),
        "JUPYTERHUB_DEBUG": "1" if settings.debug else "",
        "JUPYTERHUB_DISABLE_USER_CONFIG": "1" if settings.disable_user_config else "",
        "MEM_LIMIT": _number(settings.mem_limit),
        "MEM_GUARANTEE": _number(settings.mem_guarantee),
        "CPU_LIMIT": _number(settings.cpu_limit),
        "CPU_GUARANTEE": _number(settings.cpu_guarantee),
    }
    return {name: value for name, value in given.items() if value}


def filled(template: str, namespace: Mapping[str, str]) -> str:
    for name, value in namespace.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _number(value: float | None) -> str:
    return "" if value is None else str(value)
