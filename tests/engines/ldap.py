"""A directory of people, served by OpenLDAP's slapd on 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.engines.daemons import Daemon, processes_of
from tests.engines.debian import need
from tests.integration.hub import free_ports

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
ADMIN = f"cn=admin,{BASE}"
ADMIN_PASSWORD = "canary-directory-51f0"
PASSWORDS = {name: f"password-of-{name}" for name in ("alice", "bob")}
GROUPS = {"teachers": ["alice"], "students": ["alice", "bob"]}

_CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/slapd.pid
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw {password}
directory {directory}/data
"""


class LdapServer:
    """alice and bob below `PEOPLE` as inetOrgPerson, and groups of names below ou=groups as groupOfNames."""

    name = "LDAP"

    def __init__(self) -> None:
        slapd = need("slapd", "slapd")
        self.directory = Path(tempfile.mkdtemp(prefix="callboard-ldap-"))
        (self.directory / "data").mkdir()
        configuration = self.directory / "slapd.conf"
        configuration.write_text(
            _CONFIGURATION.format(directory=self.directory, base=BASE, admin=ADMIN, password=ADMIN_PASSWORD)
        )
        self._fill(configuration)
        (self.port,) = free_ports(1)
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.daemon = Daemon(
            [slapd, "-h", self.url, "-f", str(configuration), "-d", "0"], self.directory / "slapd.log"
        )

    def _fill(self, configuration: Path) -> None:
        command = [need("slapadd", "slapd"), "-f", str(configuration)]
        subprocess.run(command, input=_people(), text=True, check=True, capture_output=True)

    def start(self) -> None:
        self.daemon.start()
        self.daemon.wait(self._answers)

    def _answers(self) -> bool:
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        return True

    def revive(self) -> None:
        if self.daemon.running:
            self.daemon.resume()
        else:
            self.start()

    def close(self) -> list[str]:
        self.daemon.stop()
        left = [f"process {pid}: {command}" for pid, command in processes_of(self.directory).items()]
        shutil.rmtree(self.directory, ignore_errors=True)
        return left

    def leftovers(self) -> list[str]:
        return []

    def remove_leftovers(self) -> None:
        """Tests only read here."""


def _people() -> str:
    entries = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example",
        f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people",
        f"dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\nou: groups",
    ]
    for name, password in PASSWORDS.items():
        entries.append(
            f"dn: uid={name},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n"
            f"mail: {name}@example.org\nuserPassword: {password}"
        )
    for group, members in GROUPS.items():
        lines = "\n".join(f"member: uid={name},{PEOPLE}" for name in members)
        entries.append(f"dn: cn={group},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {group}\n{lines}")
    return "\n\n".join(entries) + "\n"
