"""No text that people read is left outside of the catalogues."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.web.texts import python_literals, script_literals, template_texts
from web.presentation import static_files, templates_found
from web.presentation.templates_found import environment

ROOT = Path(static_files.__file__).parents[2]
TEMPLATES = sorted(path.name for path in templates_found.OURS.glob("*.html"))
SCRIPTS = sorted(path.name for path in (static_files.OURS / "js").glob("*.js"))
PYTHON = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "web/pages").rglob("*.py"))

THE_SAME = frozenset({"Callboard", "· Callboard", "CSV", "JSON"})  # in every language
OF_TEMPLATES = {
    "not_running.html": {"alert bad"},  # classes
    "token.html": {"placeholder=servers!user, read:users!user"},  # scopes
}
OF_ALL_SCRIPTS = frozenset({"use strict", "Escape", "Enter", "X-XSRFToken", "Content-Type", "Retry-After"})
OF_SCRIPTS = {
    "admin-groups.js": {"faint nothing", ".join input", ".join label", "rest link"},
    "admin-hub.js": {"Python"},
    "admin-overview.js": {"thead th"},
    "admin-request.js": {"under way", "alert bad", "about beside", "by beside"},
    "admin-users.js": {"mayOpen", ".row button"},
    "away.js": {"X-Callboard-Away", "TimeoutError"},
    "happened.js": {  # types of events
        "server.",
        "hub user group role session share share-code service access token.revoked job.requested job.done "
        "job.given-up job.cancelled",
    },
    "history-list.js": {"about beside", "by beside"},
    "elapsed.js": {" min${rest ? "},  # units
    "picture.js": {"bar "},
    "tokens.js": {"none"},
    "focus.js": {"nextElementSibling", "previousElementSibling"},
    "jhapi.js": {"The hub could not do this: .", "The hub cannot be reached"},  # to scripts of administrators
    "progress-words.js": {  # what the API says, to be recognised
        "Server requested",
        "Its turn to start has come",
        "Spawning server...",
        "Spawn cancelled",
        "Spawn failed: ",
        "Server ready at ",
    },
}
HEADERS = frozenset({"Location", "Etag", "Vary", "Authorization"})
OF_PYTHON = {
    "web/pages/parts/browser_session.py": {  # why a session ended, as the log has it
        "Somebody else logged in with this browser.",
        "The user logged out.",
    },
    "web/pages/user_url.py": {"The server ", " is not running. Start it at "},  # to programs
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_of_a_template(name: str) -> None:
    found = template_texts.outside(environment([]), (templates_found.OURS / name).read_text())
    allowed = THE_SAME | OF_TEMPLATES.get(name, set())
    assert [text for text in found if text.replace(template_texts.VALUE, "").strip() not in allowed] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_of_a_script(name: str) -> None:
    found = script_literals.outside((static_files.OURS / "js" / name).read_text())
    assert [text for text in found if text not in OF_ALL_SCRIPTS | OF_SCRIPTS.get(name, set())] == []


@pytest.mark.parametrize("name", PYTHON)
def test_of_a_page_in_python(name: str) -> None:
    found = python_literals.outside((ROOT / name).read_text())
    assert [text for text in found if text not in HEADERS | OF_PYTHON.get(name, set())] == []


def test_what_is_left_outside_is_found() -> None:
    template = (
        '<p title="A title">Some text {{ "Yes, please" if x else "no" }} {% trans %}In it{% endtrans %}</p>'
        '{{ gettext("In it") }}{{ part("Handed over", gettext("In it")) }}'
        '<code>ls -l</code>{{ static_url("js/page.js") }}'
    )
    texts = template_texts.outside(environment([]), template)
    assert [text.replace(template_texts.VALUE, "").strip() for text in texts] == [
        "title=A title",
        "Some text",
        "Yes, please",
        "Handed over",
    ]
    script = (
        'say("Out of it."); say(_("In it, {x}", { x: f("y") })); a = `${b} is out`;'
        ' "spawn-failed"; c + " from " + d; "never"; // "Not read."'
    )
    assert script_literals.outside(script) == ["Out of it.", " is out", " from ", "never"]
    python = '"""Not read at all."""\nWHY = "Out of it."\nN_("In it, it is.")\nraise InvalidError(f"No {x} there.")'
    assert python_literals.outside(python) == ["Out of it."]


@pytest.mark.parametrize("name", sorted({*SCRIPTS} - {"texts.js"}))
def test_texts_of_a_script_are_each_one_literal(name: str) -> None:
    """So that the hub finds them, and so does the extraction."""
    source = (static_files.OURS / "js" / name).read_text()
    assert script_literals.unreadable(source) == []
