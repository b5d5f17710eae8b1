"""Headers of the configuration that stand in every answer."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from core.settings import ConfigError, HubSettings, TornadoSettings
from web.site.headers import AnswerHeaders


def answer_headers(**given: str) -> AnswerHeaders:
    return AnswerHeaders(HubSettings(tornado_settings=TornadoSettings(headers=given)))


@pytest.mark.parametrize("value", ["a\nSet-Cookie: b=c", "a\r\n\r\n<script>", "a\rb", "\n"])
def test_one_with_a_line_break_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"c\.JupyterHub\.tornado_settings\['headers'\]"):
        answer_headers(**{"X-Campus": value})


def test_one_of_the_configuration_stands_for_ours_of_that_name() -> None:
    headers = Headers([("content-type", "text/plain")])
    answer_headers(**{"referrer-policy": "no-referrer", "X-Campus": "1"}).add(headers, "/hub/home")
    assert headers.getlist("Referrer-Policy") == ["no-referrer"]
    assert (headers["X-Campus"], headers["X-Content-Type-Options"]) == ("1", "nosniff")


def test_ours_stand_for_those_of_an_answer() -> None:
    headers = Headers([("X-CONTENT-TYPE-OPTIONS", "none"), ("Etag", "x")])
    answer_headers().add(headers, "/hub/home", ("X-Request-Id", "r1"))
    assert headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert (headers["Etag"], headers["X-Request-Id"]) == ("x", "r1")
