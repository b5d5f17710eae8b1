"""How texts come into the catalogues, and that these are up to date."""

from __future__ import annotations

from io import BytesIO

import pytest
from babel.messages.catalog import Catalog

from web.texts import refusals
from web.texts.catalogues import path_of
from web.texts.extraction import extracted, updated
from web.texts.languages import ENGLISH, LANGUAGES

OTHERS = sorted(LANGUAGES.keys() - {ENGLISH})


@pytest.fixture(scope="module")
def texts() -> Catalog:
    return extracted()


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalogues_have_every_text_and_no_other(texts: Catalog, language: str) -> None:
    assert path_of(language).read_bytes() == updated(language, texts), "`make texts` brings them up to date"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("web/presentation/templates/page.html", "Logged in as %(name)s"),
        ("web/presentation/static/js/page.js", "Colours: {name}"),
        ("core/server.py", "This server is still stopping."),
        ("core/user.py", "User {name} already exists."),
    ],
)
def test_templates_scripts_and_refusals_are_read(texts: Catalog, file: str, text: str) -> None:
    message = texts.get(text)
    assert message is not None
    assert file in [name for name, _ in message.locations]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise NotFoundError("There is no such user.")', ["There is no such user."]),
        ('raise NotFoundError(f"No user {name}.")', ["No user {name}."]),
        (
            'raise LimitError(f"At most {self.limit}, {len(rows)}, {rows[0]!r}.")',
            ["At most {limit}, {len}, {rows}."],
        ),
        ('raise SpawnError("It " f"failed: {error.reason}", 500)', ["It failed: {reason}"]),
        ('raise NotFoundError(f"{a.name} has no {b.name}, {a.name}.")', ["{name} has no {name2}, {name}."]),
        ('raise SpawnError(f"No: {_why(x)}.")', ["No: {why}."]),
        ("raise InvalidError(why)", []),
        ('raise InvalidError(f"{a}: {b}")', []),
        ('raise ValueError("a bug")', []),
        ("raise InvalidError()", []),
    ],
)
def test_a_refusal_is_a_text_with_the_names_of_its_values(source: str, found: list[str]) -> None:
    assert [text for _, _, text, _ in refusals.refusals(BytesIO(source.encode()), {}, (), {})] == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""A docstring that is a sentence."""\nWHY = "The user logged out."', ["The user logged out."]),
        (
            'def f():\n    """Tells why."""\n    return f"{self.title} has not answered."',
            ["{title} has not answered."],
        ),
        ('logger.warning("no sentence: %s", error)', []),
        ('SELECT = "SELECT * FROM events"', []),
        ('said = "Stopped."', []),
    ],
)
def test_in_some_files_whole_sentences_are_texts(source: str, found: list[str]) -> None:
    assert [text for _, _, text, _ in refusals.sentences(BytesIO(source.encode()), {}, (), {})] == found
