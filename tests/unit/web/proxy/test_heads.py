"""Heads of requests and replies: what passes, and what is refused as two readers might differ about it."""

import httptools
import pytest

from web.http1.request import (
    MOST_LINES,
    BadRequestError,
    Request,
    check_size,
    check_unfinished,
    parse_request,
)
from web.proxy import answers
from web.proxy.relay.reply import BadReplyError, Reply, open_body, parse_reply
from web.proxy.relay.rewrite import Visitor, interim_head, reply_head, request_head, switching_head
from web.proxy.target import parse_target

START = b"GET /user/alice/lab?a=b HTTP/1.1\r\nHost: hub.example:8000\r\n"
TARGET = parse_target("http://127.0.0.1:1234")


def request(headers: bytes = b"", start: bytes = START) -> Request:
    return parse_request(start + headers + b"\r\n")


def reply(headers: bytes = b"", start: bytes = b"HTTP/1.1 200 Fine\r\n") -> Reply:
    return parse_reply(start + headers + b"\r\n")


def test_a_request_is_read() -> None:
    read = request(b"Cookie: a\r\nAccept: */*\r\nConnection: keep-alive\r\n")
    assert (read.method, read.target, read.path) == (b"GET", b"/user/alice/lab?a=b", b"/user/alice/lab")
    assert read.host == b"hub.example:8000"
    assert read.lines == [b"Cookie: a\r\n", b"Accept: */*\r\n"]
    assert read.keep_alive
    assert not read.has_body
    assert read.header(b"accept") == b"*/*"


REFUSED = {
    "length and transfer coding": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "transfer coding and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "two lengths that differ": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "two lengths in one": b"Content-Length: 5, 5\r\n",
    "negative length": b"Content-Length: -5\r\n",
    "signed length": b"Content-Length: +5\r\n",
    "hexadecimal length": b"Content-Length: 0x5\r\n",
    "empty length": b"Content-Length: \r\n",
    "length with an underscore": b"Content-Length: 1_0\r\n",
    "length that no file has": b"Content-Length: 9999999999999999999\r\n",
    "length that overflows": b"Content-Length: 99999999999999999999999999\r\n",
    "coding behind a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "coding after chunked": b"Transfer-Encoding: chunked, identity\r\n",
    "folded line": b"A: b\r\n c\r\n",
    "folded line with a tab": b"A: b\r\n\tc\r\n",
    "folded coding": b"Transfer-Encoding:\r\n chunked\r\n",
    "bare line feed": b"A: b\nContent-Length: 5\r\n",
    "bare carriage return": b"A: b\rContent-Length: 5\r\n",
    "space before the colon": b"Content-Length : 5\r\n",
    "tab before the colon": b"Transfer-Encoding\t: chunked\r\n",
    "space before the name": b" Content-Length: 5\r\n",
    "no colon": b"Content-Length 5\r\n",
    "no name": b": 5\r\n",
    "NUL in a value": b"A: b\0c\r\n",
    "NUL in a name": b"A\0: b\r\n",
    "control in a value": b"A: b\x01c\r\n",
    "letters beyond ASCII in a name": b"A\xc3\xa9: b\r\n",
    "second host": b"Host: other.example\r\n",
    "second host, the same": b"Host: hub.example:8000\r\n",
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
def test_headers_that_smuggle_are_refused(headers: bytes) -> None:
    with pytest.raises(BadRequestError) as refused:
        request(headers)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "coding", [b"gzip, chunked", b"identity", b"xchunked", b"gzip", b"chunked\r\nTransfer-Encoding: gzip"]
)
def test_unknown_transfer_codings_are_refused(coding: bytes) -> None:
    with pytest.raises(BadRequestError) as refused:
        request(b"Transfer-Encoding: %b\r\n" % coding)
    assert refused.value.status in (400, 501)


def test_an_unknown_coding_alone_is_not_implemented() -> None:
    with pytest.raises(BadRequestError) as refused:
        request(b"Transfer-Encoding: gzip, chunked\r\n")
    assert refused.value.status == 501


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET / HTTP/1.1\r\n", 400),  # no host
        (b"GET /\r\nHost: h\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET /  HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET\t/ HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET / HTTP/1.1 \r\nHost: h\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: h\r\n", 400),
        (b"GET / HTTP/1.2\r\nHost: h\r\n", 400),
        (b"GET / http/1.1\r\nHost: h\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET /\0 HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET user HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET http://other/ HTTP/1.1\r\nHost: h\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h, other\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: user@h\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h/x\r\n", 400),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n", 405),
        (b"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"PRI * HTTP/2.0\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n", 400),
    ],
)
def test_request_lines_that_are_refused(start: bytes, status: int) -> None:
    with pytest.raises(BadRequestError) as refused:
        request(start=start)
    assert refused.value.status == status


def test_our_own_checks_hold_where_llhttp_forgives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of the parser may be laxer by default than the one at hand."""

    class Lenient(httptools.HttpRequestParser):  # type: ignore[misc]
        def __init__(self, protocol: object) -> None:
            super().__init__(protocol)
            self.set_dangerous_leniencies(
                lenient_headers=True,
                lenient_chunked_length=True,
                lenient_transfer_encoding=True,
                lenient_version=True,
                lenient_optional_lf_after_cr=True,
                lenient_optional_cr_before_lf=True,
            )

    monkeypatch.setattr(httptools, "HttpRequestParser", Lenient)
    for name in (
        "length and transfer coding",
        "transfer coding and length",
        "folded line",
        "folded line with a tab",
        "folded coding",
        "bare line feed",
        "bare carriage return",
        "NUL in a value",
    ):
        with pytest.raises(BadRequestError):
            request(REFUSED[name])


@pytest.mark.parametrize(
    ("beginning", "status"),
    [
        (b"GET /" + b"a" * 200, 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 2000, 431),
        (b"GET / HTTP/1.1\nHost: h\n\n", 400),
        (b"\x16\x03\x01", 400),
        (b"\n", 400),
    ],
)
def test_nobody_waits_for_the_end_of_a_bad_beginning(beginning: bytes, status: int) -> None:
    with pytest.raises(BadRequestError) as refused:
        check_unfinished(beginning, 1000, 100)
    assert refused.value.status == status


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET / HTTP/1.1\r\nHost: h\r", b"\r"])
def test_a_good_beginning_may_go_on(beginning: bytes) -> None:
    check_unfinished(beginning, 1000, 100)


def test_a_whole_head_may_be_too_large() -> None:
    check_size(START, 1000, 100)
    with pytest.raises(BadRequestError):
        check_size(START, len(START) - 1, 100)


def test_a_head_may_have_too_many_lines() -> None:
    lines = b"a:b\r\n" * (MOST_LINES - 2)
    check_size(START + lines, 64 * 1024, 100)
    for check in (check_size, check_unfinished):
        with pytest.raises(BadRequestError) as refused:
            check(START + lines + b"a:b\r\n", 64 * 1024, 100)
        assert refused.value.status == 431


def test_a_proxys_absolute_target_becomes_a_path() -> None:
    read = request(start=b"GET http://h:1/a?b HTTP/1.1\r\nHost: h:1\r\n")
    assert read.target == b"/a?b"
    assert request(start=b"GET http://h?b HTTP/1.1\r\nHost: h\r\n").target == b"/?b"


@pytest.mark.parametrize(
    ("start", "headers", "keeps"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n", b"", True),
        (b"GET / HTTP/1.1\r\nHost: h\r\n", b"Connection: Close\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: h\r\n", b"Connection: x, close\r\n", False),
        (b"GET / HTTP/1.0\r\n", b"", False),
        (b"GET / HTTP/1.0\r\n", b"Connection: keep-alive\r\n", True),
    ],
)
def test_who_keeps_the_connection(start: bytes, headers: bytes, keeps: bool) -> None:
    assert request(headers, start).keep_alive is keeps


def test_only_real_upgrades_are_asked_for() -> None:
    upgrade = b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    assert request(upgrade).upgrade == b"websocket"
    assert request(b"Upgrade: websocket\r\n").upgrade == b""
    assert request(upgrade + b"Content-Length: 5\r\n").upgrade == b""
    assert (
        request(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n").upgrade
        == b""
    )


def test_a_request_head_is_rewritten() -> None:
    read = request(
        b"Connection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\n"
        b"Cookie: a\r\nContent-Length: 0\r\n"
    )
    assert request_head(read, TARGET, Visitor(b"192.0.2.7", b"http")) == (
        b"GET /user/alice/lab?a=b HTTP/1.1\r\nHost: hub.example:8000\r\nCookie: a\r\n"
        b"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Port: 8000\r\nX-Forwarded-Proto: http\r\n"
        b"X-Forwarded-Host: hub.example:8000\r\nContent-Length: 0\r\n\r\n"
    )


def test_forwarded_headers_are_appended_to() -> None:
    read = request(
        b"X-Forwarded-For: 198.51.100.1\r\nx-forwarded-for: 198.51.100.2\r\nX-Forwarded-Proto: https\r\n"
        b"X-Forwarded-Port: 443\r\nX-Forwarded-Host: outer.example\r\n"
    )
    lines = Visitor(b"192.0.2.7", b"http").lines(read).split(b"\r\n")
    assert lines == [
        b"X-Forwarded-For: 198.51.100.1,198.51.100.2,192.0.2.7",
        b"X-Forwarded-Port: 443,8000",
        b"X-Forwarded-Proto: https,http",
        b"X-Forwarded-Host: outer.example,hub.example:8000",
        b"",
    ]


def test_a_visitor_tells_of_every_host_it_asks_for() -> None:
    visitor = Visitor(b"192.0.2.7", b"https")
    assert b"X-Forwarded-Host: a\r\n" in visitor.lines(request(start=b"GET / HTTP/1.1\r\nHost: a\r\n"))
    assert b"X-Forwarded-Host: b\r\n" in visitor.lines(request(start=b"GET / HTTP/1.1\r\nHost: b\r\n"))
    assert b"X-Forwarded-Port: 443\r\n" in visitor.lines(request(start=b"GET / HTTP/1.1\r\nHost: b\r\n"))


def test_behind_a_unix_socket_there_is_no_address() -> None:
    assert b"X-Forwarded-For:" not in Visitor(b"", b"http").lines(request())
    assert b"X-Forwarded-For: 1\r\n" in Visitor(b"", b"http").lines(request(b"X-Forwarded-For: 1\r\n"))


def test_upgrades_and_bodies_are_framed_anew() -> None:
    visitor = Visitor(b"", b"http")
    head = request_head(request(b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), TARGET, visitor)
    assert head.endswith(b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    head = request_head(request(b"Transfer-Encoding: Chunked\r\nExpect: 100-continue\r\n"), TARGET, visitor)
    assert head.endswith(b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_an_old_client_without_a_host_gets_the_targets() -> None:
    head = request_head(request(start=b"GET / HTTP/1.0\r\n"), TARGET, Visitor(b"", b"http"))
    assert head == (
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1234\r\nX-Forwarded-Port: 80\r\nX-Forwarded-Proto: http\r\n\r\n"
    )


def test_a_targets_path_is_put_in_front() -> None:
    head = request_head(request(), parse_target("http://h:1/pre/"), Visitor(b"", b"http"))
    assert head.startswith(b"GET /pre/user/alice/lab?a=b HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("start", "headers"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"Content-Length: -1\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: gzip\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: gzip, chunked\r\n"),
        (b"HTTP/1.0 200 OK\r\n", b"Transfer-Encoding: chunked\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n c\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"A : b\r\n"),
        (b"HTTP/1.1 200 OK\n", b""),
        (b"HTTP/2.0 200 OK\r\n", b""),
        (b"HTTP/1.1 20 OK\r\n", b""),
        (b"ICY 200 OK\r\n", b""),
        (b"hello\r\n", b""),
    ],
)
def test_malformed_replies_are_not_passed_on(start: bytes, headers: bytes) -> None:
    with pytest.raises(BadReplyError):
        reply(headers, start)


def test_a_reply_head_is_rewritten() -> None:
    read = reply(
        b"Content-Type: x\r\nConnection: close\r\nKeep-Alive: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
    )
    assert reply_head(read, request(), keep_alive=True) == (
        b"HTTP/1.1 200 Fine\r\nContent-Type: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    assert not read.keep_alive


@pytest.mark.parametrize(
    ("method", "start", "headers", "body", "framing"),
    [
        ("GET", "HTTP/1.1 200 OK", "Content-Length: 5", "LengthBody", "Content-Length: 5"),
        ("GET", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "ChunkedBody", "Transfer-Encoding: chunked"),
        ("GET", "HTTP/1.1 200 OK", "A: b", "BodyToEnd", "Transfer-Encoding: chunked"),
        ("HEAD", "HTTP/1.1 200 OK", "Content-Length: 5", "NoneType", "Content-Length: 5"),
        ("HEAD", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "NoneType", ""),
        ("GET", "HTTP/1.1 204 No Content", "Content-Length: 5", "NoneType", ""),
        ("GET", "HTTP/1.1 304 Not Modified", "Content-Length: 5", "NoneType", "Content-Length: 5"),
        ("GET", "HTTP/1.0 200 OK", "Content-Length: 5", "LengthBody", "Content-Length: 5"),
    ],
)
def test_which_body_follows(method: str, start: str, headers: str, body: str, framing: str) -> None:
    asked = request(start=f"{method} / HTTP/1.1\r\nHost: h\r\n".encode())
    read = reply(f"{headers}\r\n".encode(), f"{start}\r\n".encode())
    assert type(open_body(read, asked.method, chunked_out=True)).__name__ == body
    head = reply_head(read, asked, keep_alive=True).decode()
    framed = [line for line in head.split("\r\n") if line.startswith(("Content-Length", "Transfer-Encoding"))]
    assert framed == ([framing] if framing else [])


def test_an_old_client_is_told_how_its_connection_ends() -> None:
    old = request(start=b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n")
    assert b"Connection: keep-alive\r\n" in reply_head(reply(b"Content-Length: 1\r\n"), old, keep_alive=True)
    assert b"chunked" not in reply_head(reply(b"Transfer-Encoding: chunked\r\n"), old, keep_alive=False)


def test_interim_replies_have_no_framing() -> None:
    assert interim_head(reply(b"Link: x\r\n", b"HTTP/1.1 103 Early Hints\r\n")) == (
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    )
    switched = reply(
        b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-A: b\r\n", b"HTTP/1.1 101 Switching\r\n"
    )
    assert switching_head(switched) == (
        b"HTTP/1.1 101 Switching\r\nSec-A: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_no_status_passes_but_those_that_are_known_the_same_to_everybody(version: bytes) -> None:
    """One below 100 would go on as an interim reply, and the next one be taken for this one's end."""
    passed = []
    for status in range(1000):
        try:
            passed.append(reply(start=b"HTTP/%b %03d Odd\r\n" % (version, status)).status)
        except BadReplyError:
            continue
    assert passed == [status for status in range(100, 600) if status != 101], "that one needs an upgrade"


@pytest.mark.parametrize(
    "status", [b"0", b"99", b"1", b"-20", b"+20", b"2e2", b"0200", b"1000", b" 200", b""]
)
def test_a_status_has_three_digits(status: bytes) -> None:
    with pytest.raises(BadReplyError):
        reply(start=b"HTTP/1.1 %b Odd\r\n" % status)


PAGES = (answers.not_found, answers.server_away, answers.bad_reply, answers.hub_away, answers.healthy)


@pytest.mark.parametrize("accept", [b"text/html", b"application/json"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_nobody_guesses_what_an_answer_of_the_proxys_own_is(page: answers.Answer, accept: bytes) -> None:
    head = page(request(b"Accept: %b\r\n" % accept), closes=False).partition(b"\r\n\r\n")[0]
    assert b"X-Content-Type-Options: nosniff\r\n" in head
    assert b"default-src 'none'; frame-ancestors 'none'; form-action 'none'" in head
