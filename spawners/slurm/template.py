"""The job script, from a template: values are quoted for the shell as they are filled in. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from jinja2 import Environment, StrictUndefined, TemplateError, meta

STANDARD = """\
#!/bin/bash
umask 022
{% if homedir %}mkdir -p -- {{ homedir }}
{% endif %}cd -- "$HOME" || cd /
{% if prologue %}{{ prologue }}
{% endif %}{% if epilogue %}{{ srun }} {{ cmd }}
callboard_status=$?
{{ epilogue }}
exit $callboard_status
{% else %}exec {{ srun }} {{ cmd }}
{% endif %}"""

FIELDS = frozenset(
    {
        "account",
        "cmd",
        "epilogue",
        "gres",
        "homedir",
        "keepvars",
        "memory",
        "ngpus",
        "nprocs",
        "options",
        "partition",
        "prologue",
        "qos",
        "reservation",
        "runtime",
        "servername",
        "spawn_id",
        "srun",
        "username",
    }
)
"""What a template may name, in batchspawner's words."""


class Code(str):
    """What an administrator has written for the shell: it goes into the script as it is."""

    __slots__ = ()


def _quoted(value: object) -> str:
    """What Jinja puts in place of `{{ value }}`. Of an empty value nothing, as in `--partition={{ partition }}`."""
    if isinstance(value, Code):
        return value
    text = "" if value is None else str(value)
    return shlex.quote(text) if text else ""


_JINJA = Environment(  # noqa: S701 -- not HTML: every value is quoted for the shell
    undefined=StrictUndefined, finalize=_quoted, keep_trailing_newline=True
)


def check_template(text: str) -> None:
    """Raises ValueError for what is no template, or would start nothing."""
    try:
        named = meta.find_undeclared_variables(_JINJA.parse(text))
    except TemplateError as error:
        raise ValueError(f"not a template of Jinja: {error}") from None
    if unknown := named - FIELDS:
        raise ValueError(f"{min(unknown)!r} is not known; a script may name {', '.join(sorted(FIELDS))}")
    if "cmd" not in named:
        raise ValueError("expected {{ cmd }} where the server is to be started")


def filled(template: str, values: Mapping[str, str]) -> str:
    """The script. Raises TemplateError."""
    return _JINJA.from_string(template).render(values)
