"""What people are asked where there are several profiles: which one, and then what that one asks for."""

from __future__ import annotations

from html import escape
from typing import Any

from core.plugins.plugin_hub import FormData
from core.plugins.profiles import PROFILE
from core.settings import SpawnerProfile
from web.starts.start_form import StartForm
from web.texts.translate import _

FILLED = "_profile_form"
"""A hidden field of a profile's own form: what was sent comes from that one."""


def chosen_profile(there: list[SpawnerProfile], given: FormData) -> SpawnerProfile | None:
    """The one that was sent, or the only one there is."""
    if PROFILE in given:
        return next((profile for profile in there if [profile.name] == given[PROFILE]), None)
    return there[0] if len(there) == 1 else None


class FormOfProfiles:
    """`there`: those that may be chosen. `chosen`: one of them, with its `own` form; None: that is asked first."""

    def __init__(
        self, there: list[SpawnerProfile], chosen: SpawnerProfile | None, own: StartForm | None
    ) -> None:
        self._there = there
        self._chosen = chosen
        self._own = own

    async def html(self) -> str:
        if own := await self._own_html():
            return own
        is_choice = len(self._there) > 1 or (self._there and self._chosen is None)
        return _choice(self._there, self._chosen) if is_choice else ""

    async def more(self, data: FormData) -> str:
        return await self._own_html() if set(data) == {PROFILE} else ""

    async def options(self, data: FormData, *, is_query: bool) -> dict[str, Any]:
        fields = {name: values for name, values in data.items() if name not in (PROFILE, FILLED)}
        if self._own is None or self._chosen is None:  # what was sent is refused with the start
            return {**fields, PROFILE: data.get(PROFILE, [""])[0]} if PROFILE in data else dict(fields)
        return {**await self._own.options(fields, is_query=is_query), PROFILE: self._chosen.name}

    async def _own_html(self) -> str:
        """With the profile that it belongs to; "" where that asks for nothing."""
        html = "" if self._own is None else await self._own.html()
        return _of_profile(self._chosen) + html if html and self._chosen is not None else ""


def _of_profile(profile: SpawnerProfile) -> str:
    return (
        f'<p class="profile">{escape(profile.title)}</p>'
        f'<input type="hidden" name="{PROFILE}" value="{escape(profile.name)}">'
        f'<input type="hidden" name="{FILLED}" value="{escape(profile.name)}">'
    )


def _choice(there: list[SpawnerProfile], chosen: SpawnerProfile | None) -> str:
    first = chosen or there[0]
    choices = "".join(_radio(profile, checked=profile is first) for profile in there)
    title = escape(_("What to start"))
    return f'<fieldset class="profiles"><legend>{title}</legend>{choices}</fieldset>'


def _radio(profile: SpawnerProfile, *, checked: bool) -> str:
    about = f' <span class="faint">{escape(profile.description)}</span>' if profile.description else ""
    flag = " checked" if checked else ""
    field = f'<input type="radio" name="{PROFILE}" value="{escape(profile.name)}"{flag} required>'
    return f'<label class="check">{field} {escape(profile.title)}{about}</label>'
