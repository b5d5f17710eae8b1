"""A form that comes back with what was filled in."""

from __future__ import annotations

from typing import Any

import pytest

from web.pages.parts.filled_form import filled_in

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("<p>A &amp; b &#60;</p><!-- c -->", {"a": ["1"]}, "<p>A &amp; b &#60;</p><!-- c -->"),
    ('<input name="a" value="old">', {"a": ['<"new">']}, '<input value="&lt;&quot;new&quot;&gt;" name="a">'),
    ("<INPUT name=a>", {"a": ["new"]}, '<INPUT value="new" name=a>'),
    ("<input name=a value=x />", {"a": ["new"]}, '<input value="new" name=a />'),
    ("<input name=a title='its value=1'>", {"a": ["2"]}, "<input value=\"2\" name=a title='its value=1'>"),
    (
        "<input name=a><input name=a>",
        {"a": ["1", "2"]},
        '<input value="1" name=a><input value="2" name=a>',
    ),
    ("<input name=b value=old>", {"a": ["new"]}, "<input name=b value=old>"),
    ("<input type=password name=a>", {"a": ["geheim"]}, "<input type=password name=a>"),
    ("<input type=file name=a>", {"a": ["x"]}, "<input type=file name=a>"),
    (
        "<input type=radio name=a value=1 checked><input type=radio name=a value=2>",
        {"a": ["2"]},
        "<input type=radio name=a value=1><input checked type=radio name=a value=2>",
    ),
    ("<input type=checkbox name=a>", {"a": ["on"]}, "<input checked type=checkbox name=a>"),
    (
        '<select name=a><option value=1 selected="selected">One</option><option value=2>Two</select>',
        {"a": ["2"]},
        "<select name=a><option value=1>One</option><option selected value=2>Two</select>",
    ),
    (
        "<select name=a><option>One &amp; all<option selected>Two</option></select><p>x</p>",
        {"a": ["One & all"]},
        "<select name=a><option selected>One &amp; all<option>Two</option></select><p>x</p>",
    ),
    (
        "<select name=b><option value=1 selected>One</option></select>",
        {"a": ["1"]},
        "<select name=b><option value=1 selected>One</option></select>",
    ),
    (
        "<textarea name=a>old &amp;</textarea>.",
        {"a": ["<new>"]},
        "<textarea name=a>\n&lt;new&gt;</textarea>.",
    ),
    ("<script>if (a < 1 && b) {}</script>", {"a": ["1"]}, "<script>if (a < 1 && b) {}</script>"),
    ("<input type=text name=a>", {"a": [{"filename": "x"}]}, '<input value="" type=text name=a>'),
]


@pytest.mark.parametrize(("html", "given", "filled"), CASES)
def test_fields_have_what_was_given_and_the_rest_is_as_it_was(
    html: str, given: dict[str, Any], filled: str
) -> None:
    assert filled_in(html, given, is_whole=False) == filled


def test_a_box_that_was_not_sent_was_not_ticked_if_the_form_was_sent() -> None:
    box = "<input type=checkbox name=a checked>"
    assert filled_in(box, {}, is_whole=True) == "<input type=checkbox name=a>"
    assert filled_in(box, {}, is_whole=False) == box
