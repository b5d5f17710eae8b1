"""What a browser carries to the provider and back."""

from __future__ import annotations

import pytest

from core.errors import ForbiddenError
from web.authenticators.oidc import trips
from web.authenticators.oidc.trips import LIFE, MAX_URL, Trips

SECRET = bytes(range(32))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_trip_comes_back_as_it_left_until_its_time_is_over():
    clock = Clock()
    book = Trips(SECRET, clock)
    first, cookie = book.begin("https://hub.example/hub/oauth_callback", "/hub/home")
    late, late_cookie = book.begin("https://hub.example/hub/oauth_callback", "/hub/home")
    clock.now += LIFE - 1
    assert book.end(cookie, first.state) == first
    clock.now += 1
    with pytest.raises(ForbiddenError, match="took too long"):
        book.end(late_cookie, late.state)


def test_a_hub_that_has_restarted_knows_its_own_cookies():
    trip, cookie = Trips(SECRET, Clock()).begin("https://hub.example/cb", "")
    assert Trips(SECRET, Clock()).end(cookie, trip.state) == trip


def test_no_two_trips_share_anything():
    book = Trips(SECRET, Clock())
    made = [book.begin("https://hub.example/cb", "")[0] for _ in range(50)]
    assert len({secret for trip in made for secret in (trip.state, trip.nonce, trip.verifier)}) == 150
    assert all(43 <= len(trip.verifier) <= 128 for trip in made)  # RFC 7636, section 4.1


def test_another_answer_does_not_use_up_a_trip():
    book = Trips(SECRET, Clock())
    trip, cookie = book.begin("https://hub.example/cb", "")
    with pytest.raises(ForbiddenError, match="another login"):
        book.end(cookie, "ñ")
    assert book.end(cookie, trip.state) == trip


def test_a_way_on_that_does_not_fit_is_forgotten():
    book = Trips(SECRET, Clock())
    assert book.begin("https://hub.example/cb", "/" + "x" * (MAX_URL - 1))[0].next_url
    assert not book.begin("https://hub.example/cb", "/" + "ä" * (MAX_URL - 1))[0].next_url


def test_no_more_is_remembered_than_is_needed(monkeypatch):
    monkeypatch.setattr(trips, "MAX_USED", 3)
    clock = Clock()
    book = Trips(SECRET, clock)

    def go() -> None:
        trip, cookie = book.begin("https://hub.example/cb", "")
        book.end(cookie, trip.state)

    for _ in range(5):
        go()
    assert len(book._used) == 3
    clock.now += LIFE
    go()
    assert len(book._used) == 1
