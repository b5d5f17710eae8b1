"""The answer to a client whose request was not understood."""

import http


def refusal(status: int, reason: str) -> bytes:
    """The connection closes behind it."""
    phrase = http.HTTPStatus(status).phrase
    content = f"{phrase}: {reason}\n".encode()
    return b"\r\n".join(
        (
            b"HTTP/1.1 %d %b" % (status, phrase.encode()),
            b"Content-Type: text/plain; charset=utf-8",
            b"Content-Length: %d" % len(content),
            b"Connection: close",
            b"",
            content,
        )
    )
