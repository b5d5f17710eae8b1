"""Forms within bounds: small before a login, and with files as large as JupyterHub's for who is logged in."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import MultipartDecoder

from core.errors import BusyError, UnavailableError
from core.plugins.hooks import trio_hook
from core.settings import Settings, SpawnerSettings
from tests.conftest import hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from web.hub.hub import Hub
from web.request.sent import forms
from web.request.sent.forms import (
    FIELDS_BEFORE_LOGIN,
    MOST_FIELDS,
    SIZE_BEFORE_LOGIN,
    STEP,
    Bounds,
    Form,
    Parts,
)
from web.request.sent.received import Body
from web.starts import uploads
from web.starts.uploads import LARGEST, PIECE, Spool, Uploads

KIB, MIB = 2**10, 2**20
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=bound"}
ROOMY = Bounds(LARGEST, LARGEST, 10_000)


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    named = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return b"--bound\r\nContent-Disposition: " + named.encode() + b"\r\n\r\n" + content + b"\r\n"


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), size):
        yield content[begin : begin + size]


def parse(content: bytes, piece: int, bounds: Bounds = ROOMY) -> Form:
    sent = Form()
    trio.run(Parts(sent, b"bound", bounds).read, in_pieces(content, piece))
    return sent


CONTENTS = st.binary(max_size=60) | st.sampled_from(
    [b"\r\n", b"\r\n--", b"\r\n--boun", b"\n--bound", b"\r", b"--bound", b"", b"-" * 30]
)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), CONTENTS, st.sampled_from([None, "f.txt"])), max_size=6),
    st.integers(min_value=1, max_value=50),
)
def test_a_form_is_what_was_sent_however_it_comes(
    sent: list[tuple[str, bytes, str | None]], piece: int
) -> None:
    if any(re.search(rb"[\r\n]--bound", b"\n" + content) for _, content, _ in sent):
        return  # that is where a part ends
    found = parse(b"".join(part(*one) for one in sent) + b"--bound--\r\n", piece)
    fields = [(name, content.decode(errors="replace")) for name, content, file in sent if file is None]
    assert sorted(found.fields.items(multi=True)) == sorted(fields)
    files = [(name, content) for name, content, file in sent if file]
    came = [(name, trio.run(file.read)) for name, file in found.files.items(multi=True)]
    assert sorted(came) == sorted(files)


STRANGE = {
    "a head that never ends": part("x", b"")[:-4] + b"X: y\r\n" * 20_000,
    "one long line of a head": b"--bound\r\nContent-Disposition: form-data; name=x;" + b"a=b;" * 30_000,
    "no beginning": b"\r\n" * 60_000,
    "dashes": b"--" * 60_000,
    "returns": part("x", b"\r" * 120_000),
    "line feeds": part("x", b"\n" * 120_000),
    "almost ends": part("x", b"\r\n--boun" * 15_000),
    "a long end": part("x", b"") + b"--bound--" + b"y" * 120_000,
    "many parts": part("x", b"") * 3000,
}


@pytest.mark.parametrize("what", STRANGE)
def test_no_step_takes_much_apart(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    receive = MultipartDecoder.receive_data

    def watched(self: MultipartDecoder, data: bytes | None) -> None:
        receive(self, data)
        held.append(len(self.buffer))

    monkeypatch.setattr(MultipartDecoder, "receive_data", watched)
    try:
        parse(STRANGE[what], 64 * KIB, replace(ROOMY, fields=MOST_FIELDS))
    except RequestEntityTooLarge:
        assert what not in ("returns", "line feeds", "almost ends", "a long end")
    except ValueError:
        pass
    assert max(held) <= 3 * STEP
    assert held


async def test_others_have_their_turn_between_the_steps() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    content = part("x", b"y" * MIB, "f") + b"--bound--"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        sent = Form()
        await Parts(sent, b"bound", ROOMY).read(in_pieces(content, MIB))
        sent.spool.close()
        nursery.cancel_scope.cancel()
    assert turns >= MIB // STEP


# --- before a login ---


def chunks(content: bytes) -> AsyncIterator[bytes]:
    """Sent without a length."""
    return in_pieces(content, 10 * KIB)


TOO_MUCH = {
    "many fields": (URLENCODED, b"a=1&" * FIELDS_BEFORE_LOGIN),
    "many empty fields": (URLENCODED, b"&" * FIELDS_BEFORE_LOGIN),
    "a long field": (URLENCODED, b"username=" + b"x" * SIZE_BEFORE_LOGIN),
    "many parts": (MULTIPART, part("a", b"") * (FIELDS_BEFORE_LOGIN + 1)),
    "a long part": (MULTIPART, part("username", b"x" * SIZE_BEFORE_LOGIN)),
    "a file": (MULTIPART, part("a", b"x" * SIZE_BEFORE_LOGIN, "f")),
}


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize(
    "path", ["/hub/login", "/hub/spawn", "/hub/accept-share", "/hub/api/oauth2/authorize"]
)
@pytest.mark.parametrize("what", TOO_MUCH)
async def test_a_form_of_who_is_not_logged_in_is_small(
    hub: Hub, what: str, path: str, sized: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    take = forms.parse_qsl
    monkeypatch.setattr(forms, "parse_qsl", lambda text, **how: taken.append(len(text)) or take(text, **how))
    headers, content = TOO_MUCH[what]
    async with Browser(hub) as browser:
        answer = await browser.post(path, content=content if sized else chunks(content), headers=headers)
    assert answer.status_code == 413
    assert taken == [], "nothing of it is taken apart"


async def test_a_login_form_has_room_for_what_people_type(hub: Hub) -> None:
    async with Browser(hub) as browser:
        await browser.get("/hub/login", headers=NAVIGATES)
        more = {f"field{number}": "x" * 300 for number in range(90)}
        fields = {"username": "bob", "password": "p" * 4096, "_xsrf": browser.xsrf, **more}
        assert (await browser.post("/hub/login", data=fields, headers=NAVIGATES)).status_code == 302


# --- files ---


def with_reader(given: dict[str, Any] | None = None, *, kept: bool = False) -> Settings:
    """`given`: is told what the form said. `kept`: all of it is kept as it is."""

    async def read(data: dict[str, Any]) -> dict[str, Any]:
        if given is not None:
            given.update(data)
        return {"names": sorted(data)}

    spawner = SpawnerSettings(
        options_form="<input name=file type=file>", options_from_form=None if kept else trio_hook(read)
    )
    return replace(settings_for_tests(), spawner=spawner)


async def upload(browser: Browser, content: bytes, path: str = "/hub/spawn", **how: Any) -> httpx.Response:
    url = f"{path}?_xsrf={browser.xsrf}"
    return await browser.post(url, files={"file": ("data.bin", content)}, headers=NAVIGATES, **how)


async def test_a_file_larger_than_any_other_body_comes_through() -> None:
    given: dict[str, Any] = {}
    content = random.Random(1).randbytes(3 * MIB)
    async with hub_in_memory(with_reader(given)) as hub:
        browser = await logged_in(hub, "bob")
        answer = await upload(browser, content)
        assert answer.status_code == 302, answer.text
        (file,) = given["file_file"]
        assert (file["filename"], file["content_type"]) == ("data.bin", "application/octet-stream")
        assert file["body"] == content
        assert hub.uploads._users == set(), "the next one may come"


async def test_what_is_larger_than_jupyterhubs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LARGEST == 100 * MIB
    monkeypatch.setattr(forms, "LARGEST", 2 * MIB)
    async with hub_in_memory(with_reader()) as hub:
        browser = await logged_in(hub, "bob")
        assert (await upload(browser, bytes(2 * MIB))).status_code == 413
        body = part("file", bytes(2 * MIB), "f")
        url = f"/hub/spawn?_xsrf={browser.xsrf}"
        answer = await browser.post(url, content=chunks(body), headers={**NAVIGATES, **MULTIPART})
        assert answer.status_code == 413
        assert hub.uploads._users == set()


async def test_other_forms_and_other_sites_stay_small(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    large = bytes(2 * MIB)
    for path in ("/hub/accept-share", "/hub/api/oauth2/authorize", "/hub/login"):
        assert (await upload(browser, large, path)).status_code == 413
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = await browser.post("/hub/spawn", files={"file": ("f", large)}, headers=foreign)
    assert answer.status_code == 413


async def test_fields_do_not_grow_with_the_files() -> None:
    async with hub_in_memory(with_reader()) as hub:
        browser = await logged_in(hub, "bob")
        url = f"/hub/spawn?_xsrf={browser.xsrf}"
        for content in (part("text", bytes(2 * MIB)), part("a", b"") * (MOST_FIELDS + 1)):
            answer = await browser.post(url, content=content, headers={**NAVIGATES, **MULTIPART})
            assert answer.status_code == 413


def test_few_at_once_and_one_of_each() -> None:
    under_way = Uploads()
    with ExitStack() as held:
        for number in range(uploads.AT_ONCE):
            held.enter_context(under_way.one_of(f"u{number}"))
        for user in ("u0", "another"):
            with pytest.raises(BusyError), under_way.one_of(user):
                pass
    with under_way.one_of("u0"):
        pass


async def test_one_too_many_is_told_to_come_back() -> None:
    async with hub_in_memory(with_reader()) as hub:
        browser = await logged_in(hub, "bob")
        with ExitStack() as held:
            for number in range(uploads.AT_ONCE):
                held.enter_context(hub.uploads.one_of(f"u{number}"))
            answer = await upload(browser, bytes(2 * MIB))
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert (await upload(browser, b"small")).status_code == 302, "small ones come through"


async def test_what_is_kept_of_a_start_stays_small() -> None:
    async with hub_in_memory(with_reader(kept=True)) as hub:
        browser = await logged_in(hub, "bob")
        head = hub.store.head
        answer = await upload(browser, bytes(2 * MIB))
        assert answer.status_code == 400
        assert "c.Spawner.options_from_form" in answer.text
        assert hub.store.head == head


async def test_a_large_file_is_on_disk_and_not_in_memory() -> None:
    spool = Spool()
    content = random.Random(2).randbytes(5 * PIECE + 17)
    async for piece in in_pieces(content, 60 * KIB):
        await spool.write(piece)
        assert len(spool._pending) < PIECE
    assert spool.size == len(content)
    assert await spool.read(PIECE - 5, 100) == content[PIECE - 5 : PIECE + 95]
    assert await spool.read(0, len(content)) == content
    spool.close()


async def test_a_full_disk_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads.tempfile, "TemporaryFile", full)
    with pytest.raises(UnavailableError, match="No space left"):
        await Spool().write(bytes(PIECE))


# --- bodies that nobody reads ---


@pytest.fixture
def body() -> Body:
    return Body(None, 100)


async def test_no_more_is_taken_than_somebody_reads(body: Body, autojump_clock: object) -> None:
    taken = 0

    async def send() -> None:
        nonlocal taken
        for _ in range(50):
            body.append(bytes(30))
            taken += 30
            await body.wait_room()
        body.set_complete()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.sleep(1)
        assert taken == 120
        assert sum([len(piece) async for piece in body.pieces(1500)]) == 1500
        assert taken == 1500


async def test_a_whole_body_beyond_its_bound_is_refused_and_its_rest_thrown_away(body: Body) -> None:
    body.append(bytes(101))
    for _ in range(2):
        with pytest.raises(RequestEntityTooLarge):
            await body
    body.append(bytes(10_000))
    await body.wait_room()
    assert not body._data
    with pytest.raises(RequestEntityTooLarge):
        await Body(101, 100)
    whole = Body(None, 100)
    whole.append(bytes(100))
    whole.set_complete()
    assert await whole == bytes(100) == await whole
