"""`Idempotency-Key`: a command that is sent again gives the answer it gave before, and is not carried out twice.

A form of a page brings its key along (`_once`, made anew with each page): one that is sent twice, by a second press
while the line is slow, leads where the first has led.

The key is recorded in the transaction of the command's events, together with what it will answer; when the
request is over that is replaced by what it did answer. So a client that lost the reply, even to a crash of
the hub, may repeat safely. Keys are kept for 24 hours.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import cast

from quart import Response

from core.errors import HubError, InvalidError, KeyReusedError, RepeatedError, UnavailableError
from core.events.file.writer import IdempotencyRecord, Outcome
from core.events.log.tables import Tables
from web.request import answers
from web.request.context import asked, caller, hub, kept
from web.request.errors import status_of
from web.request.handler_view import NOT_OF_THE_FORM
from web.request.sent.forms import form

MAX_KEY = 255
FORM_KEY = "_once"

logger = logging.getLogger("callboard.keys")


async def once(handle: Callable[[], Awaitable[Response]]) -> Response:
    """Carry a command out, or repeat what it answered when it was.

    Requests under one key take turns: the second is answered what the first was, even if both came at once.
    """
    kept().command_key = None
    if (form_key := _key_of_form()) and kept().identity is not None:
        return await _once_of_form(form_key, handle)
    key = asked().headers.get("Idempotency-Key")
    if key is None or kept().identity is None:
        return await handle()
    if not 0 < len(key) <= MAX_KEY:
        raise InvalidError(f"An Idempotency-Key has 1 to {MAX_KEY} characters.")
    full_key = _digest(caller().principal, asked().method, asked().path, key)
    digest = hashlib.sha256(cast(bytes, await asked().get_data(as_text=False))).hexdigest()
    async with hub().command_turns.take(full_key):
        if (known := hub().store.stored_outcome(full_key)) is not None:
            return _repeated(known, digest)
        return await _carry_out(handle, full_key, digest)


async def _carry_out(handle: Callable[[], Awaitable[Response]], full_key: str, digest: str) -> Response:
    kept().command_key = (full_key, digest)
    try:
        response = await handle()
    except RepeatedError:
        known = hub().store.stored_outcome(full_key)
        assert known is not None, "a key that was taken just now is there"
        return _repeated(known, digest)
    except HubError as refused:
        status = status_of(refused)
        body = answers.encode({"status": status, "message": refused.message})
        await _keep(full_key, digest, Outcome(status, body))
        raise
    outcome = kept().secret_answer
    if outcome is None:
        outcome = Outcome(response.status_code, await response.get_data(as_text=False))
    await _keep(full_key, digest, outcome)
    return response


async def _keep(full_key: str, digest: str, outcome: Outcome) -> None:
    """The final answer. If it cannot be stored, that recorded with the command's events stands."""
    if _is_passing(outcome.status):
        return
    try:
        await hub().store.store_outcome(full_key, digest, outcome)
    except UnavailableError as error:
        logger.warning("the final answer to a command was not stored: %s", error)


def new_form_key() -> str:
    """For a form of the page that is being answered."""
    return secrets.token_urlsafe(12)


def _key_of_form() -> str:
    """`""` where none came, or none of ours."""
    if kept().form is None:
        return ""
    key = form().fields.get(FORM_KEY) or asked().args.get(FORM_KEY, "")
    return key if len(key) <= MAX_KEY else ""


async def _once_of_form(key: str, handle: Callable[[], Awaitable[Response]]) -> Response:
    """Of forms only what led somewhere is repeated: a page has secrets in it, and says anew what was wrong."""
    fields = form().fields
    sent = sorted((name, value) for name, value in fields.items(multi=True) if name not in NOT_OF_THE_FORM)
    digest = hashlib.sha256(answers.encode(sent)).hexdigest()
    full_key = _digest(caller().principal, asked().method, asked().path, key, digest)
    async with hub().command_turns.take(full_key):
        if (known := hub().store.stored_outcome(full_key)) is not None:
            return answers.redirect(known[1].body.decode() or asked().path)
        kept().command_key = (full_key, digest)
        try:
            response = await handle()
        except RepeatedError:
            return answers.redirect(asked().path)
        if response.location is not None:
            await _keep(full_key, digest, Outcome(response.status_code, response.location.encode()))
        return response


def _is_passing(status: int) -> bool:
    """Worth trying again: not an outcome."""
    return status == 429 or status >= 500


def idempotency_record(outcome: Callable[[Tables], Outcome]) -> IdempotencyRecord | None:
    """To be appended with the command's events; `outcome` says what it answers if nobody lives to tell."""
    key = kept().command_key
    return None if key is None else IdempotencyRecord(*key, outcome)


def keep_secret(outcome: Outcome) -> None:
    """The answer holds a secret: keep this one in its stead."""
    kept().secret_answer = outcome


def _repeated(known: tuple[str, Outcome], digest: str) -> Response:
    stored_digest, outcome = known
    if stored_digest != digest:
        raise KeyReusedError("This Idempotency-Key was used before, with another body.")
    if not outcome.body:
        return answers.empty(outcome.status)
    return answers.raw_json(outcome.body, outcome.status)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
