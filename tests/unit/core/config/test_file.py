# ruff: noqa: E501 -- tables of cases, one a line
import json
import subprocess
import sys

import pytest

from core.config.foreign import is_foreign, what_it_is
from core.config.masking import describe, is_secret
from core.config.notes import REASONS, Note, table
from core.settings import ConfigError, GroupSettings, ServiceSettings, Settings, database_path
from spawners.configuration import NAMES, load_settings
from spawners.local.settings import LocalProcessSettings
from tests.effort import PROFILE

TOKEN = "0123456789abcdef"
A_CLASS = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
class CourseSpawner(SimpleLocalProcessSpawner): pass
"""


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def load(tmp_path):
    """Settings and notes from the text of a config file, and overrides."""

    def load(text, *overrides):
        file = tmp_path / "hub.py"
        file.write_text(text)
        settings, notes = load_settings([file.relative_to(tmp_path)], overrides)
        return settings, [str(note) for note in notes]

    return load


def look_up(settings, path):
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings


@pytest.mark.parametrize(
    ("line", "path", "value"),
    [
        # kinds of values, and the liberties people take with them
        ("c.JupyterHub.hub_port = 9081", "hub.hub_port", 9081),
        ("c.JupyterHub.cleanup_servers = False", "hub.cleanup_servers", False),
        ("c.Spawner.cmd = 'jupyter-labhub'", "spawner.cmd", ["jupyter-labhub"]),
        ("c.Spawner.cmd = ('a', 'b')", "spawner.cmd", ["a", "b"]),
        ("c.LocalProcessSpawner.shell_cmd = ['bash', '-lc']", "spawner.shell_cmd", ["bash", "-lc"]),
        ("c.Spawner.start_timeout = 90", "spawner.start_timeout", 90.0),
        ("c.Authenticator.admin_users = ['alice', 'bob']", "authenticator.admin_users", {"alice", "bob"}),
        ("c.Authenticator.allowed_users = ('bob',)", "authenticator.allowed_users", {"bob"}),
        ("c.Spawner.hub_connect_url = None", "spawner.hub_connect_url", ""),
        ("c.LocalProcessSpawner.port_range = (20000, 20100)", "spawner.port_range", (20000, 20100)),
        ("c.JupyterHub.log_level = 10", "hub.log_level", "DEBUG"),
        ("c.JupyterHub.log_level = 'ERROR'", "hub.log_level", "ERROR"),
        ("c.JupyterHub.cookie_secret = bytes(32)", "hub.cookie_secret", "00" * 32),
        ("c.JupyterHub.api_tokens = {'0123456789': 'alice'}", "hub.api_tokens", {"0123456789": "alice"}),
        ("c.JupyterHub.tornado_settings = {'slow_spawn_timeout': 0}", "hub.tornado_settings.slow_spawn_timeout", 0),
        ("c.JupyterHub.tornado_settings = {'headers': {'a': 'b'}}", "hub.tornado_settings.headers", {"a": "b"}),
        ("c.Application.log_level = 'WARN'", "hub.log_level", "WARN"),
        ("c.Callboard.spawn_queue_limit = 5", "callboard.spawn_queue_limit", 5),
        ("c.Spawner.mem_limit = '1.5G'", "spawner.mem_limit", 1536 * 2**20),
        ("c.Spawner.mem_guarantee = 4096", "spawner.mem_guarantee", 4096),
        ("c.Spawner.mem_limit = None", "spawner.mem_limit", None),
        ("c.Spawner.cpu_limit = 2", "spawner.cpu_limit", 2.0),
        ("c.Spawner.environment = {'A': print}", "spawner.environment", {"A": print}),
        ("c.JupyterHub.named_server_limit_per_user = print", "hub.named_server_limit_per_user", print),
        ("c.JupyterHub.default_url = print", "hub.default_url", print),
        ("c.JupyterHub.trusted_downstream_ips = ('10.0.0.0/8',)", "hub.trusted_downstream_ips", ["10.0.0.0/8"]),
        ("c.JupyterHub.proxy_class = 'jupyterhub.proxy.ConfigurableHTTPProxy'", "hub.proxy_class", "configurable-http-proxy"),
        ("c.JupyterHub.proxy_class = 'callboard'", "hub.proxy_class", "callboard"),
        ("c.JupyterHub.authenticator_class = 'dummy'; c.Authenticator.whitelist = {'bob'}", "authenticator.allowed_users", {"bob"}),
        ("c.CryptKeeper.keys = [bytes(32)]", "crypt.keys", ["00" * 32]),
        ("c.Authenticator.request_otp = True", "authenticator.request_otp", True),
        ("c.Authenticator.otp_prompt = 'Code:'", "authenticator.otp_prompt", "Code:"),
        ("c.PAMAuthenticator.encoding = 'latin-1'", "pam.encoding", "latin-1"),
        ("c.Authenticator.auto_login_oauth2_authorize = True", "authenticator.auto_login_oauth2_authorize", True),
        # changed in place
        ("c.Spawner.args.append('--debug')", "spawner.args", ["--debug"]),
        ("c.Spawner.cmd.append('--debug')", "spawner.cmd", ["jupyterhub-singleuser", "--debug"]),
        ("c.Spawner.environment.update({'A': 'b'})", "spawner.environment", {"A": "b"}),
        ("c.Authenticator.admin_users.add('alice')", "authenticator.admin_users", {"alice"}),
        ("c.JupyterHub.load_roles.append({'name': 'x'})", "hub.load_roles", [{"name": "x"}]),
        ("c.JupyterHub.tornado_settings.update({'slow_stop_timeout': 1})", "hub.tornado_settings.slow_stop_timeout", 1),
        ("if c.Spawner.debug: pass", "spawner.debug", False),
        # URLs
        ("", "hub.bind_url", "http://:8000/"),
        ("c.JupyterHub.bind_url = 'http://127.0.0.1:9000'", "hub.bind_url", "http://127.0.0.1:9000/"),
        ("c.JupyterHub.bind_url = 'http://:9000/lab'", "hub.base_url", "/lab/"),
        ("c.JupyterHub.bind_url = 'http+unix://%2Ftmp%2Fs'", "hub.bind_url", "http+unix://%2Ftmp%2Fs"),
        ("c.JupyterHub.ip = '::1'", "hub.bind_url", "http://[::1]:8000/"),
        ("c.JupyterHub.port = 9000", "hub.bind_url", "http://:9000/"),
        ("c.JupyterHub.base_url = 'lab'", "hub.base_url", "/lab/"),
        ("c.JupyterHub.base_url = '/lab/x'", "hub.bind_url", "http://:8000/lab/x/"),
        ("c.JupyterHub.ssl_cert = 'cert.pem'", "hub.bind_url", "https://:8000/"),
        ("c.JupyterHub.public_url = 'https://hub.example'", "hub.public_url", "https://hub.example/"),
        ("c.JupyterHub.subdomain_host = 'Hub.example'", "hub.subdomain_host", "https://hub.example"),
        ("c.JupyterHub.subdomain_host = 'http://hub.example:8000/'", "hub.public_url", "http://hub.example:8000/"),
        ("c.JupyterHub.base_url = '/a'; c.JupyterHub.subdomain_host = 'http://b'", "hub.public_url", "http://b/a/"),
        ("c.JupyterHub.base_url = '/a'; c.JupyterHub.subdomain_host = 'http://b'", "hub.hub_routespec", "/"),
        ("c.JupyterHub.db_url = 'hub.sqlite'", "hub.db_url", "sqlite:///hub.sqlite"),
        ("c.JupyterHub.db_url = 'sqlite:////srv/hub.sqlite'", "hub.db_url", "sqlite:////srv/hub.sqlite"),
        ("c.JupyterHub.db_url = 'sqlite://'", "hub.db_url", "sqlite://"),
        # classes
        ("c.JupyterHub.spawner_class = 'simple'", "hub.spawner_class", "simple"),
        ("c.JupyterHub.spawner_class = 'default'", "hub.spawner_class", "localprocess"),
        ("c.JupyterHub.spawner_class = 'jupyterhub.spawner.SimpleLocalProcessSpawner'", "hub.spawner_class", "simple"),
        ("c.JupyterHub.spawner_class = 'spawners.simulated.SimulatedSpawner'", "hub.spawner_class", "simulated"),
        ("c.JupyterHub.authenticator_class = 'jupyterhub.auth.DummyAuthenticator'", "hub.authenticator_class", "dummy"),
        ("c.JupyterHub.authenticator_class = 'default'", "hub.authenticator_class", "pam"),
        (
            "class DummyAuthenticator: __module__ = 'jupyterhub.auth'\n"
            "c.JupyterHub.authenticator_class = DummyAuthenticator",
            "hub.authenticator_class",
            "dummy",
        ),
        # groups in both forms
        (
            "c.JupyterHub.load_groups = {'a': ['alice'], 'b': {'users': ['bob'], 'properties': {'x': 1}}}",
            "hub.load_groups",
            {"a": GroupSettings(["alice"]), "b": GroupSettings(["bob"], {"x": 1})},
        ),
        # who may log in
        ("c.JupyterHub.authenticator_class = 'dummy'", "authenticator.allow_all", True),
        ("c.JupyterHub.authenticator_class = 'pam'", "authenticator.allow_all", False),
        (
            "c.JupyterHub.authenticator_class = 'dummy'; c.Authenticator.allowed_users = {'bob'}",
            "authenticator.allow_all",
            False,
        ),
        (
            "c.JupyterHub.authenticator_class = 'dummy'; c.DummyAuthenticator.allow_all = False",
            "authenticator.allow_all",
            False,
        ),
        (
            "c.JupyterHub.admin_users = {'alice'}; c.Authenticator.admin_users = {'bob'}",
            "authenticator.admin_users",
            {"alice", "bob"},
        ),
    ],
)  # fmt: skip
def test_a_line_of_the_file_becomes_a_setting(load, line, path, value):
    settings, _ = load(line)
    assert look_up(settings, path) == value


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c.Spawner.start_timeout = '60s'", "hub.py:1: c.Spawner.start_timeout = '60s': expected number, got str"),
        ("c.JupyterHub.hub_port = True", "hub.py:1: c.JupyterHub.hub_port = True: expected int, got bool"),
        ("c.JupyterHub.hub_port = 0", "hub.py:1: c.JupyterHub.hub_port = 0: expected int >= 1"),
        ("c.JupyterHub.hub_port = 70000", "hub.py:1: c.JupyterHub.hub_port = 70000: expected int <= 65535"),
        ("c.Spawner.debug = 1", "hub.py:1: c.Spawner.debug = 1: expected True or False, got int"),
        ("c.Spawner.args = '--debug'", "hub.py:1: c.Spawner.args = '--debug': expected list, got str"),
        ("c.Spawner.args = ['a', 3]", "hub.py:1: c.Spawner.args[1] = 3: expected str, got int"),
        ("c.Authenticator.admin_users = 'alice'", "hub.py:1: c.Authenticator.admin_users = 'alice': expected list, got str"),
        ("c.LocalProcessSpawner.cmd = 5", "hub.py:1: c.LocalProcessSpawner.cmd = 5: expected list, got int"),
        ("c.Spawner.environment = {'N': 1}", "hub.py:1: c.Spawner.environment['N'] = 1: expected str, got int"),
        ("c.Spawner.mem_limit = '1 GB of it'", "hub.py:1: c.Spawner.mem_limit = '1 GB of it': expected a number of bytes such as"),
        ("c.Spawner.default_url = print", "c.Spawner.default_url = a builtin_function_or_method: expected str"),
        ("c.Spawner.group_overrides = {'a': {'groups': []}}", "['a']: expected a dict with 'groups' and 'spawner_override'"),
        ("c.JupyterHub.trusted_downstream_ips = ['proxy']", "= ['proxy']: expected IP addresses, or networks such as"),
        ("c.JupyterHub.proxy_class = 'traefik_etcd'", "= 'traefik_etcd': the ones there are: callboard"),
        ("c.Spawner.cmd = print", "hub.py:1: c.Spawner.cmd = a builtin_function_or_method: expected list, got"),
        ("c.Spawner.args = ['x' * 100, 5, 'y']; c.Spawner.args = 'x' * 100", "'" + "x" * 56 + "...: expected list"),
        ("c.JupyterHub.log_level = 'loud'", "c.JupyterHub.log_level = 'loud': expected DEBUG, INFO, WARN"),
        ("c.JupyterHub.hub_bind_url = 'http://:0'", "expected a URL such as http://127.0.0.1:8000"),
        ("c.JupyterHub.hub_connect_url = 'http://hub:0'", "expected a URL such as http://127.0.0.1:8000"),
        ("c.JupyterHub.bind_url = '127.0.0.1:8000'", "expected a URL such as http://127.0.0.1:8000"),
        ("c.JupyterHub.bind_url = 'http://x:port'", "c.JupyterHub.bind_url = 'http://x:port': expected a URL"),
        ("c.JupyterHub.base_url = '/a'; c.JupyterHub.public_url = 'https://b/c'", "must be that of base_url, /a/"),
        ("c.JupyterHub.subdomain_host = 'https://b/c'", "= 'https://b/c': expected a host's name with its protocol"),
        ("c.JupyterHub.subdomain_host = 'http://127.0.0.1:8000'", "expected a host's name with its protocol"),
        ("c.JupyterHub.db_url = 'ftp://alice:geheim@db/hub'", "= 'ftp://(hidden)@db/hub': expected a file's name"),
        ("c.JupyterHub.db_url = ''", "c.JupyterHub.db_url = '': expected a file's name, sqlite:///NAME"),
        ("c.JupyterHub.spawner_class = 'dockr'", "= 'dockr': the ones there are: callboard-docker, callboard-slurm, localprocess, simple, simulated"),
        ("class S: pass\nc.JupyterHub.spawner_class = S", "= the class S: it is not derived from jupyterhub.spawner.Spawner; the ones there are: callboard-docker"),
        ("c.JupyterHub.load_groups = {'a': {'usrs': []}}", "['a']: unknown field 'usrs'; the fields are users, properties"),
        ("c.JupyterHub.load_groups = {'a': 'bob'}", "c.JupyterHub.load_groups['a'] = 'bob': expected a dict, got str"),
        ("c.JupyterHub.services = [{'name': 'x', 'comand': 'y'}]", "services[0]: unknown field 'comand'; the fields are name"),
        ("c.JupyterHub.services = [{'url': 'http://x'}]", "object missing required field name"),
        ("c.JupyterHub.services = [{'name': 'a/b'}]", "services[0].name = 'a/b': no slash"),
        ("c.JupyterHub.services = [{'name': 'a'}, {'name': 'a'}]", "services[1].name = 'a': there is a service of this name"),
        ("c.JupyterHub.services = [{'name': 'a', 'url': 'ftp://x'}]", "services[0].url = 'ftp://x': expected a URL that"),
        ("c.JupyterHub.services = [{'name': 'a', 'oauth_client_id': 'a'}]", "starts with service-"),
        ("c.JupyterHub.services = ['a']", "c.JupyterHub.services[0] = 'a': expected dict, got str"),
        ("c.Spawner = 5", "hub.py:1: ValueError: values whose keys begin with an uppercase char"),
        ("x = {}\ny = x['alice']", "hub.py:2: KeyError: 'alice'"),
        ("def f():\n  raise OSError('no\\nsuch')\nf()", "hub.py:2: OSError: no such"),
        ("c = = 5", "hub.py:1: SyntaxError: invalid syntax"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_refused_in_one_line(load, line, message):
    with pytest.raises(ConfigError) as refusal:
        load(line)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "line",
    [
        "c.JupyterHub.cookie_secret = 5 and ['geheim']",
        "c.JupyterHub.api_tokens = {'geheim': 'alice'}",
        "c.JupyterHub.api_tokens = ['geheim']",
        "c.JupyterHub.api_tokens = {'geheim-geheim': 5}",
        "c.JupyterHub.service_tokens = {'geheim' * 20: 'x'}",
        "c.JupyterHub.services = [{'name': 'x', 'api_token': 'geheim'}]",
        "c.JupyterHub.services = [{'name': 'x', 'api_token': ['geheim']}]",
        "c.JupyterHub.services = [{'name': 'x', 'apitoken': 'geheim'}]",
        "c.JupyterHub.services = {'name': 'x', 'api_token': 'geheim'}",
        "c.Spawner.environment = 'A=geheim'",
        "c.Spawner.environment = {'DB_PASSWORD': ['geheim']}",
        "c.JupyterHub.services = [{'name': 'x', 'environment': 'A=geheim'}]",
        "c.Spawner.args = '--IdentityProvider.token=geheim'",
    ],
)
def test_a_refusal_does_not_repeat_a_secret(load, line):
    with pytest.raises(ConfigError) as refusal:
        load(line)
    assert "geheim" not in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("c.Spawner.start_timout = 5", "c.Spawner.start_timout: unknown (did you mean start_timeout?)"),
        ("c.SwarmSpawner.image = 'x'", "c.SwarmSpawner: unknown (a spawner of dockerspawner, which this hub does not have)"),
        ("c.KubeSpawner.image = 'x'", "c.KubeSpawner: unknown (a spawner of kubespawner, which this hub does not have)"),
        ("c.GitHubOAuthenticator.client_id = 'x'", "c.GitHubOAuthenticator: unknown (a way to log in of oauthenticator, which"),
        ("c.TraefikProxy.traefik_api_url = 'x'", "c.TraefikProxy: unknown (a proxy of jupyterhub-traefik-proxy, which this"),
        ("c.ServerApp.root_dir = 'x'", "c.ServerApp: unknown (a class of what runs in servers, which read a configuration of"),
        ("c.CampusSpawner.image = 'x'", "c.CampusSpawner: unknown (a spawner that this hub does not have)"),
        ("c.Spawnr.image = 'x'", "c.Spawnr: unknown (did you mean Spawner?)"),
        ("c.LocalProcesSpawner.cmd = 'x'", "c.LocalProcesSpawner: unknown (did you mean LocalProcessSpawner?)"),
        (A_CLASS + "c.JupyterHub.spawner_class = CourseSpawner; c.CourseSpawner.cmb = 'x'", "c.CourseSpawner.cmb: unknown (did you mean cmd?)"),
        ("c.jupyterhub.port = 5", "c.jupyterhub: unknown (did you mean JupyterHub?)"),
        ("c.zzzzzzz = 5", "c.zzzzzzz: unknown"),
        ("c.JupyterHub.internal_ssl = True", "c.JupyterHub.internal_ssl: not yet"),
        ("c.Spawner.ssl_alt_names = []", "c.Spawner.ssl_alt_names: not yet"),
        ("c.ConfigurableHTTPProxy.auth_token = 'x'", "c.ConfigurableHTTPProxy.auth_token: ignored (the hub brings its own proxy)"),
        ("c.HubOAuth.cache_max_age = 5", "c.HubOAuth.cache_max_age: ignored (read by servers and services"),
        ("c.JupyterHub.admin_users = {'x'}", "c.JupyterHub.admin_users: note (deprecated: use c.Authenticator.admin_users)"),
        ("c.JupyterHub.tornado_settings = {'debug': 1}", "c.JupyterHub.tornado_settings['debug']: ignored"),
        ("c.JupyterHub.port = 1; c.JupyterHub.bind_url = 'http://:2'", "c.JupyterHub.port: note (wins over that part of"),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_noted(load, line, note):
    _, notes = load(line)
    assert len(notes) == 1
    assert notes[0].startswith(f"hub.py: {note}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c.JupyterHub.base_url = CourseSpawner", "base_url = the class CourseSpawner: expected str, got a class"),
        ("c.JupyterHub.tornado_settings = CourseSpawner", "tornado_settings = the class CourseSpawner: expected dict"),
        ("c.JupyterHub.services = [CourseSpawner]", "services[0] = the class CourseSpawner: expected dict, got a class"),
        ("c.JupyterHub.load_groups = {'g': CourseSpawner}", "load_groups['g'] = the class CourseSpawner: expected a dict, got class"),
        ("c.JupyterHub.proxy_class = CourseSpawner", "proxy_class = the class CourseSpawner: the ones there are"),
        ("c.Spawner.pre_spawn_hook = [CourseSpawner]", "pre_spawn_hook = [<class 'CourseSpawner'>]: expected"),
        ("c.JupyterHub.spawner_class = type(CourseSpawner)", "the class MetaHasTraits: it is not derived from"),
    ],
)  # fmt: skip
def test_a_class_is_called_by_its_name_and_not_by_its_metaclass(load, line, said):
    with pytest.raises(ConfigError) as refusal:
        load(A_CLASS + line)
    assert said in str(refusal.value)
    assert "Meta" not in str(refusal.value).replace("MetaHasTraits", "")


def test_classes_of_other_packages_are_not_here():
    """Else their sections would act, and say nothing of it."""
    assert not [name for name in NAMES.classes if is_foreign(name)]
    assert len({what_it_is(name) for name in ("SwarmSpawner", "KubeSpawner", "KubeIngressProxy")}) == 3
    assert what_it_is("Whatever") == ""


@pytest.mark.parametrize(
    ("url", "secret_file", "log"),
    [
        ("postgresql://alice:geheim@db/hub", "", "sqlite:///callboard.sqlite"),
        ("postgresql+psycopg2://db/hub", "/srv/hub/secret", "sqlite:////srv/hub/callboard.sqlite"),
        ("mysql+pymysql://alice:geheim@db:3306/hub", "kept/secret", "sqlite:///kept/callboard.sqlite"),
        ("mariadb://db/hub", "", "sqlite:///callboard.sqlite"),
    ],
)
def test_in_place_of_another_database_there_is_a_file_beside_the_secret(load, url, secret_file, log):
    where = f"c.JupyterHub.cookie_secret_file = {secret_file!r}" if secret_file else ""
    settings, notes = load(f"c.JupyterHub.db_url = {url!r}\n{where}")
    assert settings.hub.db_url == log
    file = log.removeprefix("sqlite:///")
    assert notes == [
        f"hub.py: c.JupyterHub.db_url: ignored (the log is a file of SQLite, {file} here: nothing is kept in that "
        "database)"
    ]


def test_notes_are_one_table():
    notes = [
        Note("hub.py", "c.Spawner.foo", "unknown"),
        Note("conf/x.toml", "c.JupyterHub.db_kwargs", "ignored", "the log is a file of SQLite"),
    ]
    assert table(notes).splitlines() == [
        "options that do not act, or not as they may seem to:",
        "  unknown  c.Spawner.foo                                        hub.py",
        "  ignored  c.JupyterHub.db_kwargs  the log is a file of SQLite  conf/x.toml",
    ]


def test_every_reason_is_about_an_option_that_there_is_and_that_does_not_act():
    for name in REASONS:
        section, _, trait = name.partition(".")
        assert section in NAMES.classes
        assert not trait or trait in NAMES.known_traits(section) - NAMES.acting_traits(section)


# --- TOML, and folders ---


def test_toml_says_the_same_as_python(load, tmp_path):
    file = tmp_path / "callboard.toml"
    file.write_text(
        """
[JupyterHub]
hub_port = 9081
spawner_class = "simple"
services = [{ name = "cull", command = "cull-idle" }]
[JupyterHub.load_groups.physics]
users = ["bob"]
[Spawner.environment]
A = "b"
[SimpleLocalProcessSpawner]
home_dir_template = "/srv/{username}"
mem_limit = "1G"
[Authenticator]
admin_users = ["alice"]
"""
    )
    python, _ = load(
        """
c.JupyterHub.hub_port = 9081
c.JupyterHub.spawner_class = 'simple'
c.JupyterHub.services = [{'name': 'cull', 'command': 'cull-idle'}]
c.JupyterHub.load_groups = {'physics': {'users': ['bob']}}
c.Spawner.environment = {'A': 'b'}
c.SimpleLocalProcessSpawner.home_dir_template = '/srv/{username}'
c.SimpleLocalProcessSpawner.mem_limit = '1G'
c.Authenticator.admin_users = {'alice'}
"""
    )
    settings, notes = load_settings([file], [])
    assert settings == python
    assert notes == []
    assert load_settings([], [])[0] == python  # it has the name that is looked for


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[JupyterHub\n", "hub.toml: not TOML: TOMLDecodeError: Expected ']'"),
        ("port = 8000", "hub.toml: port: expected tables named after classes, such as [JupyterHub]"),
        ("[jupyterhub]\nport = 1", "hub.toml: jupyterhub: expected tables named after classes"),
        ("[JupyterHub]\nhub_port = 'x'", "hub.toml:2: c.JupyterHub.hub_port = 'x': expected int, got str"),
        ("[Spawner]\nmem_limit = 2024-01-01", "c.Spawner.mem_limit = a date: expected a number of bytes"),
    ],
)
def test_wrong_toml_is_refused_in_one_line(tmp_path, text, message):
    file = tmp_path / "hub.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refusal:
        load_settings([file.relative_to(tmp_path)], [])
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_toml_takes_odd_names_as_they_come(tmp_path):
    file = tmp_path / "hub.toml"
    file.write_text("[Spawner.Environment]\nA = 'b'\n[Foo]\nbar = 1")
    _, notes = load_settings([file.relative_to(tmp_path)], [])
    assert [str(note) for note in notes] == [
        "hub.toml: c.Spawner.Environment: unknown (did you mean environment?)",
        "hub.toml: c.Foo: unknown",
    ]


def test_the_files_of_a_folder_are_read_by_name_and_what_is_left_out_is_said(tmp_path):
    folder = tmp_path / "conf.d"
    (folder / "inner").mkdir(parents=True)
    (folder / "10-base.toml").write_text("[JupyterHub]\nhub_port = 1\nlog_level = 'WARN'")
    (folder / "20-named.py").write_text("c.JupyterHub.allow_named_servers = True; c.JupyterHub.hub_port = 2")
    (folder / ".hidden.py").write_text("1 / 0")
    (folder / "__pycache__").mkdir()
    (folder / "README.md").write_text("Read me.")
    last = tmp_path / "last.py"
    last.write_text("c.JupyterHub.log_level = 'ERROR'")
    settings, notes = load_settings([folder.relative_to(tmp_path), last], ["--JupyterHub.hub_port=3"])
    assert (settings.hub.hub_port, settings.hub.log_level) == (3, "ERROR")
    assert settings.hub.allow_named_servers
    assert [note.name for note in notes] == ["README.md", "inner"]


def test_an_ancestors_section_may_set_a_descendants_trait(load):
    settings, notes = load(
        "c.JupyterHub.spawner_class = 'simple'; c.Spawner.home_dir_template = '/srv/{username}'"
    )
    assert settings.spawner.home_dir_template == "/srv/{username}"
    assert notes == []


@pytest.mark.parametrize(
    ("spawner", "start_timeout", "environment"),
    [
        ("localprocess", 2, {"A": "1", "B": "2"}),
        ("simple", 3, {"A": "1", "B": "2", "C": "3"}),
        ("simulated", 1, {"A": "1"}),
    ],
)
def test_the_more_specific_section_wins(load, spawner, start_timeout, environment):
    settings, _ = load(
        f"""
c.JupyterHub.spawner_class = {spawner!r}
c.SimpleLocalProcessSpawner.start_timeout = 3
c.LocalProcessSpawner.start_timeout = 2
c.Spawner.start_timeout = 1
c.Spawner.environment = {{'A': '1'}}
c.LocalProcessSpawner.environment.update({{'B': '2'}})
c.SimpleLocalProcessSpawner.environment.update({{'C': '3'}})
"""
    )
    assert settings.spawner.start_timeout == start_timeout
    assert settings.spawner.environment == environment


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("--JupyterHub.hub_port=9999", "hub.hub_port", 9999),
        ("JupyterHub.hub_port=9999", "hub.hub_port", 9999),
        ("--Spawner.cmd=jupyter-labhub", "spawner.cmd", ["jupyter-labhub"]),
        ("--Spawner.cmd=['a', 'b']", "spawner.cmd", ["a", "b"]),
        ("--JupyterHub.ip=0.0.0.0", "hub.bind_url", "http://0.0.0.0:8000/"),
        ("--JupyterHub.pid_file=5", "hub.pid_file", "5"),
        ("--JupyterHub.cookie_secret=" + "1" * 64, "hub.cookie_secret", "1" * 64),
        ("--Spawner.debug=true", "spawner.debug", True),
        ("--Spawner.debug=True", "spawner.debug", True),
        ("--Spawner.default_url=/a=b", "spawner.default_url", "/a=b"),
        ("--JupyterHub.db_url=sqlite://", "hub.db_url", "sqlite://"),
        ("--JupyterHub.spawner_class=simple", "hub.spawner_class", "simple"),
        ("--JupyterHub.load_groups={'a': ['bob']}", "hub.load_groups", {"a": GroupSettings(["bob"])}),
        ("--JupyterHub.log_level=10", "hub.log_level", "DEBUG"),
    ],
)
def test_the_command_line_wins_over_the_file(load, override, path, value):
    settings, notes = load("c.JupyterHub.hub_port = 1; c.Spawner.cmd = 'x'", override)
    assert look_up(settings, path) == value
    assert notes == []


def test_a_wrong_override_is_refused_and_an_odd_one_noted(load):
    with pytest.raises(
        ConfigError, match=r"command line: c\.Spawner\.start_timeout = 'soon': expected number"
    ):
        load("", "--Spawner.start_timeout=soon")
    _, notes = load("", "--x=1", "--Spawner.foo=geheim")
    assert notes == [
        "command line: --x: unknown (expected --Class.trait=value)",
        "command line: c.Spawner.foo: unknown",
    ]


def test_a_service_gets_its_defaults(load):
    settings, notes = load(
        f"c.JupyterHub.services = [{{'name': 'cull', 'command': 'cull-idle', 'api_token': '{TOKEN}'}},"
        " {'name': 'other', 'api_token': ''}]"
    )
    assert settings.hub.services == [
        ServiceSettings("cull", command=["cull-idle"], api_token=TOKEN, oauth_client_id="service-cull"),
        ServiceSettings("other", oauth_client_id="service-other"),
    ]
    assert notes == []


def test_the_later_file_wins_and_may_change_what_the_earlier_one_set(tmp_path):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("c.JupyterHub.hub_port = 1; c.Spawner.environment = {'A': '1'}; c.Spawner.debug = True")
    two.write_text("c.JupyterHub.hub_port = 2; c.Spawner.environment.update({'B': '2'})")
    settings, _ = load_settings([one, two], [])
    assert settings.hub.hub_port == 2
    assert settings.spawner.environment == {"A": "1", "B": "2"}
    assert settings.spawner.debug


def test_a_subconfig_is_found_beside_the_file_and_its_failure_is_placed(tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "hub.py").write_text("c = get_config()\nload_subconfig('more.py')\nload_subconfig('absent.py')")
    (folder / "more.py").write_text("c.JupyterHub.hub_port = 5")
    assert load_settings([folder / "hub.py"], [])[0].hub.hub_port == 5
    (folder / "more.py").write_text("\n1 / 0")
    with pytest.raises(ConfigError, match=r"more\.py:2: ZeroDivisionError"):
        load_settings([folder / "hub.py"], [])


def test_the_default_file_is_read_if_it_is_there(tmp_path):
    assert load_settings([], [])[0].hub.hub_port == 8081
    (tmp_path / "jupyterhub_config.py").write_text("c.JupyterHub.hub_port = 5")
    assert load_settings([], [])[0].hub.hub_port == 5


def test_a_file_that_is_asked_for_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.py: there is no such config file"):
        load_settings([tmp_path / "nowhere.py"], [])


def test_defaults_without_any_file():
    settings, notes = load_settings([], [])
    assert settings.spawner == LocalProcessSettings()
    assert notes == []


def test_loading_twice_gives_the_same(load):
    text = "c.Spawner.args.append('a'); c.Authenticator.admin_users.add('bob')"
    assert load(text) == load(text)
    assert Settings().spawner.args == []


def test_settings_are_described_as_json_without_secrets(load):
    settings, _ = load(
        """
c.JupyterHub.cookie_secret = 'ab' * 32
c.JupyterHub.api_tokens = {'geheim-1': 'alice'}
c.JupyterHub.service_tokens = {'geheim-2': 'cull'}
c.JupyterHub.services = [{'name': 'x', 'api_token': 'geheim-3', 'environment': {'SECRET_KEY': 'geheim'}}]
c.JupyterHub.load_roles = [{'name': 'r', 'users': {'bob'}}]
c.Spawner.environment = {'DB': 'postgres://alice:geheim@db', 'API_TOKEN': 'geheim', 'LANG': 'C'}
c.Spawner.args = ['--x.password=geheim']
c.JupyterHub.ssl_key = 'key.pem'
"""
    )
    text = json.dumps(describe(settings))
    assert "geheim" not in text
    assert "abab" not in text
    shown = describe(settings)
    assert shown["hub"]["api_tokens"] == {"(hidden) 1": "alice"}
    assert shown["hub"]["ssl_key"] == "key.pem"
    assert shown["spawner"]["environment"] == {
        "API_TOKEN": "(hidden)", "DB": "postgres://(hidden)@db", "LANG": "C",
    }  # fmt: skip
    assert shown["spawner"]["args"] == ["--x.password=(hidden)"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite://", ":memory:"),
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite:///hub.sqlite", "hub.sqlite"),
        ("sqlite:////srv/hub.sqlite", "/srv/hub.sqlite"),
    ],
)
def test_the_file_of_a_database_url(url, path):
    assert database_path(url) == path


LIST_TRAITS = """
import json, warnings
warnings.simplefilter("ignore")
from jupyterhub import app, auth, proxy, spawner
from jupyterhub.authenticators import shared
classes = [app.JupyterHub, spawner.SimpleLocalProcessSpawner, auth.PAMAuthenticator, auth.DummyAuthenticator,
           auth.NullAuthenticator, shared.SharedPasswordAuthenticator, proxy.ConfigurableHTTPProxy]
print(json.dumps({cls.__name__: sorted(cls.class_traits(config=True)) for cls in classes}))
"""


@pytest.mark.slow
def test_every_trait_of_jupyterhub_is_known():
    """Else a file that works there would be told that it has a typing error."""
    output = subprocess.run([sys.executable, "-c", LIST_TRAITS], check=True, capture_output=True).stdout
    for name, traits in json.loads(output).items():
        assert name in NAMES.classes
        assert set(traits) - NAMES.known_traits(name) == set()


ODD_VALUES = [
    "None", "True", "-1", "5", "1e400", "float('nan')", "10**30", "''", "'geheim'", "b'geheim'", "[]", "['geheim']", "[None]",
    "[{}]", "[['geheim']]", "{}", "{'geheim'}", "{'geheim': 1}", "{1: 'geheim'}", "{'a': {'b': object()}}", "[{'name': 5}]",
    "[{5: 'x'}]", "(1, 2, 3)", "object()", "object", "print", "c.Spawner", "'http://[::1'", "'://'", "'\\ud800'", "'a\\nb'",
]  # fmt: skip


@pytest.mark.parametrize(
    "section", ["JupyterHub", "Spawner", "LocalProcessSpawner", "Authenticator", "Callboard"]
)
def test_any_value_of_any_trait_is_accepted_or_refused_in_one_line(load, section):
    step = 3 if PROFILE == "check" else 1
    for number, name in enumerate(sorted(NAMES.acting_traits(section))):
        for value in ODD_VALUES[number % step :: step]:
            try:
                settings, notes = load(f"c.{section}.{name} = {value}")
            except ConfigError as refusal:
                lines = [str(refusal)]
                if is_secret(name):
                    assert "geheim" not in lines[0]
            else:
                json.dumps(describe(settings))
                lines = notes
            assert not any("\n" in line for line in lines)


@pytest.mark.parametrize(
    "section", ["JupyterHub", "Spawner", "LocalProcessSpawner", "Authenticator", "Callboard"]
)
@pytest.mark.parametrize("word", ["", "geheim", "5", "[", "{}", "((", "-", "a\0b", "nan", "None"])
def test_any_word_of_the_command_line_is_accepted_or_refused(section, word):
    refusals = []
    for name in sorted(NAMES.acting_traits(section)):
        try:
            settings, _ = load_settings([], [f"--{section}.{name}={word}"])
        except ConfigError as refusal:
            refusals.append(str(refusal))
        else:
            assert isinstance(settings, Settings)
    assert not [refusal for refusal in refusals if "\n" in refusal]
