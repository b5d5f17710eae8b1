"""The catalogues: complete where students read them, with the same places for values, each read as it is meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message
from babel.messages.checkers import checkers

from web.texts.catalogues import PLACE, catalogue, path_of
from web.texts.languages import ENGLISH, LANGUAGES

OTHERS = sorted(LANGUAGES.keys() - {ENGLISH})
OF_ADMINISTRATORS = re.compile(
    r"web/presentation/(templates/admin|static/js/(admin|user-row|outcomes|work\.))"
)

_NAMED = re.compile(r"%\((\w+)\)s")
_TAG = re.compile(r"<[^>]*>")


def messages(language: str) -> Iterator[Message]:
    return (message for message in catalogue(language).messages if message.id)


def forms(message: Message) -> list[tuple[str, str]]:
    """Each translation with the text that it is one of; of several that which has all its places."""
    ids = (message.id,) if isinstance(message.id, str) else message.id
    strings = (message.string,) if isinstance(message.string, str) else message.string
    return [(ids[min(at, len(ids) - 1)], string) for at, string in enumerate(strings)]


def is_for_students(message: Message) -> bool:
    return any(not OF_ADMINISTRATORS.match(file) for file, _ in message.locations)


@pytest.mark.parametrize("language", OTHERS)
def test_what_students_read_is_translated(language: str) -> None:
    missing = [
        message.id
        for message in messages(language)
        if is_for_students(message) and not all(_strings(message))
    ]
    assert missing == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_have_the_places_and_the_tags_of_their_texts(language: str) -> None:
    for message in messages(language):
        for text, translation in forms(message):
            if not translation:
                continue
            for kind in (PLACE, _NAMED, _TAG):
                assert sorted(set(kind.findall(translation))) == sorted(set(kind.findall(text))), translation
            assert translation.strip() == translation, translation
            assert "%" not in _NAMED.sub("", translation).replace("%%", ""), translation


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_marked_as_doubtful_and_babel_finds_nothing_wrong(language: str) -> None:
    known = catalogue(language).messages
    for message in messages(language):
        assert not message.fuzzy, message.id
        for check in checkers if all(_strings(message)) else ():
            check(known, message)


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_says_no_names_and_addresses(language: str) -> None:
    head = path_of(language).read_text().partition("\n\n")[0]
    assert "@" not in head
    assert f'"Language: {language}\\n"' in head


@pytest.mark.parametrize(
    ("language", "informal"),
    [
        ("de", r"\b(du|dich|dir|dein\w*|euer|eure\w*)\b"),
        ("fr", r"\b(tu|te|toi|ton|ta|tes)\b"),
        ("es", r"\b(tú|ti|tuyo|tu|tus)\b"),
    ],
)
def test_people_are_addressed_politely(language: str, informal: str) -> None:
    found = [
        string
        for message in messages(language)
        for string in _strings(message)
        if re.search(informal, string, re.IGNORECASE)
    ]
    assert found == []


def _strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)
