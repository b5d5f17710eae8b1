"""Host names of users and services below the hub's: `alice.hub.example`. Pure, but for functions of the configuration.

Source of both rules: JupyterHub 6.1.1. By `idna` a name that cannot be one label of DNS as it is has a label made of
its letters and a digest, so that no two names share a host. `legacy` is that of older hubs: it may give more labels
than one and characters that DNS does not know, and all services have one host.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

import idna

logger = logging.getLogger("callboard.subdomains")

Kind = Literal["user", "service"]
Rule = Callable[[str, str, Kind], str]

LONGEST_LABEL = 63
LONGEST_HOST = 253
_LETTERS = 8  # of the name, in a label with a digest
_DIGITS = 7  # of the digest, hexadecimal

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def by_idna(name: str, domain: str, kind: Kind) -> str:
    """`alice.hub.example`, `web--service.hub.example`; `u-bobexamp--686b5e4.hub.example` of `bob@example.org`."""
    ending = "--service" if kind == "service" else ""
    label = _label(name) + ending
    if len(label) > LONGEST_LABEL:
        label = _digested(name) + ending
    return f"{label}.{domain}"


def by_legacy(name: str, domain: str, kind: Kind) -> str:
    """`alice.hub.example`, `bob_40example.org.hub.example`; `services.hub.example` of every service."""
    if kind == "service":
        return f"services.{domain}"
    label = quote(name.lower(), safe="").replace("_", "%5F").replace("~", "%7E").replace("%", "_")
    return f"{label.lower()}.{domain}"


RULES: dict[str, Rule] = {"idna": by_idna, "legacy": by_legacy}


def checked(hook: Any) -> Rule:
    """A function of the configuration as a rule: what it fails to name has its host by `idna`."""

    def rule(name: str, domain: str, kind: Kind) -> str:
        try:
            found = hook(name, domain, kind)
        except Exception:
            logger.exception("subdomain_hook failed for %s %r: its host is that of 'idna'", kind, name)
            return by_idna(name, domain, kind)
        if isinstance(found, str) and is_host(found.lower()):
            return found.lower()
        logger.error("subdomain_hook has no host name for %s %r: %r. It is that of 'idna'", kind, name, found)
        return by_idna(name, domain, kind)

    return rule


def is_host(text: str) -> bool:
    """Whether this is a host name, in lower case."""
    labels = text.split(".")
    return (
        len(text) <= LONGEST_HOST
        and _HOST.fullmatch(text) is not None
        and all(len(label) <= LONGEST_LABEL for label in labels)
    )


def _label(name: str) -> str:
    """The name itself, where DNS can have it and where it cannot be taken for that of another."""
    if "." in name or "--" in name or name.isdigit() or name[:1] == "-" or name[-1:] == "-":
        return _digested(name)
    try:
        label = idna.encode(name).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        return _digested(name)
    return label if is_host(label) else _digested(name)


def safe_label(name: str, longest: int) -> str:
    """A user's name as a DNS label of at most so many characters, for what is to be named after them."""
    label = _label(name)
    return label if len(label) <= longest else _digested(name)


def _digested(name: str) -> str:
    letters = re.sub(r"[^a-z0-9]", "", name.lower())[:_LETTERS] or "x"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"u-{letters}--{digest}"
