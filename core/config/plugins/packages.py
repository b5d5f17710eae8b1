"""Which package has a class that is not installed. Source: the packages named here, as of 2026."""

from __future__ import annotations

_MODULES = """
    jupyterhub tornado sqlalchemy: callboard[plugins]
    batchspawner: batchspawner
    dataprocspawner: dataprocspawner
    dockerspawner: dockerspawner
    jhub_apps: jhub-apps
    kubespawner: jupyterhub-kubespawner
    marathonspawner: marathonspawner
    moslurm: jupyterhub_moss
    jupyterhub_moss: jupyterhub_moss
    jupyterhub_nomad_spawner jupyterhub_nomad: jupyterhub-nomad-spawner
    sshspawner: sshspawner
    sudospawner: sudospawner
    systemdspawner: jupyterhub-systemdspawner
    wrapspawner: wrapspawner
    yarnspawner: jupyterhub-yarnspawner
    cilogonauthenticator oauthenticator: oauthenticator
    dummyauthenticator: jupyterhub-dummyauthenticator
    firstuseauthenticator: jupyterhub-firstuseauthenticator
    globus_sdk: globus-sdk
    hashauthenticator: jupyterhub-hashauthenticator
    jhub_remote_user_authenticator: jhub_remote_user_authenticator
    jwtauthenticator: jupyterhub-jwtauthenticator
    kerberosauthenticator: jupyterhub-kerberosauthenticator
    ldapauthenticator: jupyterhub-ldapauthenticator
    ltiauthenticator: jupyterhub-ltiauthenticator
    multiauthenticator: jupyterhub-multiauthenticator
    nativeauthenticator: jupyterhub-nativeauthenticator
    nullauthenticator: nullauthenticator
    samlauthenticator: jupyterhub-samlauthenticator
    tmpauthenticator: jupyterhub-tmpauthenticator
    docker: docker
    kubernetes_asyncio: kubernetes-asyncio
"""
_NAMES = """
    docker docker-swarm docker-system-user: dockerspawner
    kubernetes kubespawner: jupyterhub-kubespawner
    slurm torque pbs lsf moab condor gridengine: batchspawner
    sudo sudospawner: sudospawner
    systemd systemdspawner: jupyterhub-systemdspawner
    wrap profiles: wrapspawner
    yarn: jupyterhub-yarnspawner
    nomad: jupyterhub-nomad-spawner
    dataproc: dataprocspawner
    jhub-apps: jhub-apps
    auth0 azuread bitbucket cilogon feishu github gitlab globus google mediawiki okpy openshift: oauthenticator
    local-auth0 local-azuread local-bitbucket local-cilogon local-generic-oauth local-github: oauthenticator
    local-gitlab local-globus local-google local-okpy local-openshift: oauthenticator
    firstuse: jupyterhub-firstuseauthenticator
    hash: jupyterhub-hashauthenticator
    jwt: jupyterhub-jwtauthenticator
    kerberos: jupyterhub-kerberosauthenticator
    ldap: jupyterhub-ldapauthenticator
    multiauthenticator: jupyterhub-multiauthenticator
    native: jupyterhub-nativeauthenticator
    saml: jupyterhub-samlauthenticator
    tmp: jupyterhub-tmpauthenticator
"""


def _table(text: str) -> dict[str, str]:
    parted = (line.partition(":") for line in text.strip().splitlines())
    return {name: package.strip() for names, _, package in parted for name in names.split()}


BY_MODULE = _table(_MODULES)
"""From the module that is imported to the package that has it."""
BY_NAME = _table(_NAMES)
"""From the short names that packages register for their classes (and those that people expect) to the package."""


def where_from(module: str) -> str:
    """What to do about a module that is not there: `pip install dockerspawner`; "" where nobody knows."""
    package = BY_MODULE.get(module.partition(".")[0], "")
    return f"pip install {package}" if package else ""
