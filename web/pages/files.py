"""Static files, the logo, and the icon browsers ask for wherever they are."""

from __future__ import annotations

from quart import Response

from core.errors import NotFoundError
from web.presentation.static_files import StaticFile, language_of
from web.request.access import OPEN
from web.request.context import asked, hub
from web.request.routing import RouteGroup

endpoints = RouteGroup("files")
outside = RouteGroup("files_outside")

FOREVER = "max-age=315360000, immutable"  # ten years, as JupyterHub says


@endpoints.route("HEAD", "/static/<path:rest>", access=OPEN, statuses=(200, 304, 404))
@endpoints.get("/static/<path:rest>", access=OPEN, statuses=(200, 304, 404))
async def static(rest: str) -> Response:
    """For ever if the URL says which version is wanted, else to be asked for anew.

    Scripts are in the language that the version ends in.
    """
    version = asked().args.get("v", "")
    found = hub().presentation.static.get(rest, language_of(version))
    if found is None:
        raise NotFoundError("There is no such file.")
    is_kept = version and not hub().settings.hub.tornado_settings.no_cache_static
    return _file(found, FOREVER if is_kept else "no-cache")


@endpoints.route("HEAD", "/logo", access=OPEN, statuses=(200, 304, 404))
@endpoints.get("/logo", access=OPEN, statuses=(200, 304, 404))
async def logo() -> Response:
    found = hub().presentation.logo
    if found is None:
        raise NotFoundError("This hub has no logo.")
    return _file(found, FOREVER if asked().args.get("v") else "max-age=3600")


@endpoints.get("/favicon.ico", access=OPEN, statuses=(200, 304, 404))
@outside.get("/favicon.ico", access=OPEN, statuses=(200, 304, 404))
async def favicon() -> Response:
    found = hub().presentation.static.get("favicon.ico")
    if found is None:
        raise NotFoundError("This hub has no icon.")
    return _file(found, "max-age=3600")


def _file(found: StaticFile, caching: str) -> Response:
    headers = {
        "Cache-Control": caching,
        "Etag": found.tag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if found.tag in asked().headers.get("If-None-Match", ""):
        unchanged = Response(b"", 304, headers=headers)
        del unchanged.headers["Content-Type"]
        return unchanged
    content = found.content
    if found.packed and "gzip" in asked().headers.get("Accept-Encoding", ""):
        content, headers["Content-Encoding"] = found.packed, "gzip"
    kind = (
        f"{found.content_type}; charset=utf-8"
        if found.content_type.startswith("text/java")
        else found.content_type
    )
    answer = Response(content, content_type=kind, headers=headers)
    if asked().method == "HEAD":
        answer.set_data(b"")
        answer.headers["Content-Length"] = str(len(content))
    return answer
