"""What people choose for a start: the fields of a form, or the arguments of a URL, on their way into the log."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec

from core.errors import InvalidError, UnreadableError
from web.request.context import asked
from web.request.handler_view import NOT_OF_THE_FORM
from web.request.sent.forms import form
from web.starts.spawn_hooks import FormData
from web.starts.uploads import Upload

PREFIX = "opt-"
NOT_OPTIONS = frozenset({"next", "display_name", *NOT_OF_THE_FORM})


def query_options() -> FormData | None:
    """The arguments that begin with `opt-`, without that; all of them if there are none. None: nothing is asked for."""
    given = {name: asked().args.getlist(name) for name in asked().args if name not in NOT_OPTIONS}
    if not given:
        return None
    prefixed = {
        name.removeprefix(PREFIX): values for name, values in given.items() if name.startswith(PREFIX)
    }
    if "" in prefixed:
        raise UnreadableError(f"{PREFIX} has to be followed by the name of an option.")
    return prefixed or given


async def form_fields() -> FormData:
    """Lists of texts by name; files as dicts, by their names with `_file` behind."""
    sent = form()
    data: FormData = {name: sent.fields.getlist(name) for name in sent.fields if name not in NOT_OF_THE_FORM}
    for name in sent.files:
        data[f"{name}_file"] = [await _file(file) for file in sent.files.getlist(name)]
    return data


async def _file(file: Upload) -> dict[str, Any]:
    return {"filename": file.filename, "body": await file.read(), "content_type": file.content_type}


def storable(options: dict[str, Any], most: int) -> dict[str, Any]:
    """As they are kept in the log and shown in models: bytes are text, or a `data:` URL where they are none.

    Raises InvalidError for what has no JSON, or has more than so many bytes.
    """
    try:
        if _weight(options) > most:
            raise InvalidError(
                f"These options have more than {most} bytes, which is what is kept of a start. "
                "(c.Spawner.options_from_form may put a file somewhere, and keep its name.)"
            )
        found = msgspec.to_builtins(_texts(options), str_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidError(f"These options cannot be stored: {error}.") from None
    assert isinstance(found, dict)
    return found


def _weight(value: Any) -> int:
    """About how many bytes, without looking at them."""
    match value:
        case bytes() | str():
            return len(value)
        case dict():
            return sum(len(str(key)) + _weight(item) for key, item in value.items())
        case list() | tuple():
            return sum(map(_weight, value))
        case _:
            return 1


def _texts(value: Any) -> Any:
    match value:
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return f"data:application/octet-stream;base64,{b64encode(value).decode()}"
        case dict():
            return {key: _texts(item) for key, item in value.items()}
        case list() | tuple():
            return [_texts(item) for item in value]
        case _:
            return value
