"""Lists, sets and dicts that say what to do instead when a hook wants to change them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from web.hook_views.view import NotHereError


class _ReadOnly:
    """`_what`: what a hook calls it."""

    _what: str
    _instead: str

    def _refuse(self, *args: Any, **options: Any) -> NoReturn:
        raise NotHereError(self._what, "cannot be changed", self._instead)


class ReadOnlyList(_ReadOnly, list[Any]):
    def __init__(self, items: Iterable[Any], what: str, instead: str) -> None:
        super().__init__(items)
        self._what, self._instead = what, instead

    append = extend = insert = remove = pop = clear = sort = reverse = _ReadOnly._refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _ReadOnly._refuse


class ReadOnlySet(_ReadOnly, set[Any]):
    def __init__(self, items: Iterable[Any], what: str, instead: str) -> None:
        super().__init__(items)
        self._what, self._instead = what, instead

    add = discard = remove = pop = clear = update = _ReadOnly._refuse
    difference_update = intersection_update = symmetric_difference_update = _ReadOnly._refuse
    __ior__ = __iand__ = __isub__ = __ixor__ = _ReadOnly._refuse


class ReadOnlyDict(_ReadOnly, dict[Any, Any]):
    def __init__(self, items: Mapping[Any, Any], what: str, instead: str) -> None:
        super().__init__(items)
        self._what, self._instead = what, instead

    clear = pop = popitem = setdefault = update = _ReadOnly._refuse
    __setitem__ = __delitem__ = __ior__ = _ReadOnly._refuse
