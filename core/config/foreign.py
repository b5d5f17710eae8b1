"""Classes that configurations often name and that are not here: what each of them is, for whoever sets its traits.

So that `c.SwarmSpawner` is not taken for a misspelling of something else. Source: the packages named here, as of 2026.
"""

from __future__ import annotations

_SPAWNER, _LOGIN, _PROXY = "a spawner", "a way to log in", "a proxy"
_SERVERS = "a class of what runs in servers, which read a configuration of their own"

_CLASSES: dict[tuple[str, str], str] = {
    (_SPAWNER, "dockerspawner"): "SwarmSpawner SystemUserSpawner",
    (_SPAWNER, "kubespawner"): "KubeSpawner",
    (_SPAWNER, "batchspawner"): """
        BatchSpawnerBase BatchSpawnerRegexStates TorqueSpawner PBSSpawner LsfSpawner MoabSpawner
        CondorSpawner GridengineSpawner""",
    (_SPAWNER, "sudospawner"): "SudoSpawner",
    (_SPAWNER, "systemdspawner"): "SystemdSpawner",
    (_SPAWNER, "wrapspawner"): "WrapSpawner ProfilesSpawner DockerProfilesSpawner",
    (_SPAWNER, "yarnspawner"): "YarnSpawner",
    (_SPAWNER, "sshspawner"): "SSHSpawner",
    (_LOGIN, "oauthenticator"): """
        Auth0OAuthenticator AzureAdOAuthenticator BitbucketOAuthenticator CILogonOAuthenticator FeishuOAuthenticator
        GitHubOAuthenticator GitLabOAuthenticator GlobusOAuthenticator GoogleOAuthenticator LocalAuth0OAuthenticator
        LocalAzureAdOAuthenticator LocalBitbucketOAuthenticator LocalCILogonOAuthenticator LocalGenericOAuthenticator
        LocalGitHubOAuthenticator LocalGitLabOAuthenticator LocalGlobusOAuthenticator LocalGoogleOAuthenticator
        LocalOkpyOAuthenticator LocalOpenShiftOAuthenticator MWOAuthenticator OkpyOAuthenticator
        OpenShiftOAuthenticator""",
    (_LOGIN, "ldapauthenticator"): "LDAPAuthenticator LocalLDAPAuthenticator",
    (_LOGIN, "jupyterhub-nativeauthenticator"): "NativeAuthenticator",
    (_LOGIN, "jupyterhub-firstuseauthenticator"): "FirstUseAuthenticator",
    (_LOGIN, "jupyterhub-tmpauthenticator"): "TmpAuthenticator",
    (_LOGIN, "jupyterhub-hashauthenticator"): "HashAuthenticator",
    (_LOGIN, "jupyterhub-kerberosauthenticator"): "KerberosAuthenticator",
    (_LOGIN, "jhub_remote_user_authenticator"): "RemoteUserAuthenticator RemoteUserLocalAuthenticator",
    (_LOGIN, "jupyterhub-jwtauthenticator"): "JSONWebTokenAuthenticator JSONWebTokenLocalAuthenticator",
    (_LOGIN, "jupyterhub-ltiauthenticator"): "LTIAuthenticator LTI11Authenticator LTI13Authenticator",
    (_PROXY, "kubespawner"): "KubeIngressProxy",
    (_PROXY, "jupyterhub-traefik-proxy"): """
        TraefikProxy TraefikFileProviderProxy TraefikTomlProxy TraefikEtcdProxy TraefikConsulProxy TraefikRedisProxy
        TKvProxy""",
    (_SERVERS, ""): """
        ServerApp ServerProxy NotebookApp JupyterNotebookApp LabApp LabServerApp ExtensionApp JupyterApp
        SingleUserNotebookApp SingleUserLabApp ContentsManager FileContentsManager LargeFileManager
        FileCheckpoints IdentityProvider KernelManager MappingKernelManager MultiKernelManager
        AsyncMappingKernelManager KernelSpecManager GatewayClient TerminalManager ResourceUseDisplay""",
}
_WHAT = {name: what for what, names in _CLASSES.items() for name in names.split()}
_ENDINGS = {"Spawner": _SPAWNER, "Authenticator": _LOGIN, "Proxy": _PROXY}


def is_foreign(name: str) -> bool:
    """Whether it is known to be a class of something else, and so no misspelling of one that is here."""
    return name in _WHAT


def what_it_is(name: str) -> str:
    """`""` for a class that nobody knows."""
    if name in _WHAT:
        what, package = _WHAT[name]
        return f"{what} of {package}, which this hub does not have" if package else what
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), "")
    return f"{_ENDINGS[ending]} that this hub does not have" if ending else ""
