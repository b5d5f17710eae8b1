"""The headers of every answer. Source: JupyterHub 6.1.1, whose `tornado_settings['headers']` win over its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence, Set
from functools import lru_cache
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

from core.settings import ConfigError, HubSettings
from web.site import version
from web.site.api_paths import is_api

NONCE = "{nonce}"  # where a page's own is put: HTML of the configuration may have scripts and styles
FORM_TARGETS = (
    "{form targets}"  # where the origins are put that this page's forms may lead to besides the hub's
)
STYLE_ATTRIBUTES = "{style attributes}"  # where a page whose template has some lets them through
OF_PAGES = (
    "default-src 'self'; base-uri 'self'; object-src 'none'; "
    f"script-src 'self' 'nonce-{NONCE}'; style-src 'self' 'nonce-{NONCE}'; img-src 'self' data: https:; "
    f"form-action 'self'{FORM_TARGETS}{STYLE_ATTRIBUTES}"
)


class AnswerHeaders:
    def __init__(self, settings: HubSettings) -> None:
        self._base_url = settings.base_url
        self._static = f"{settings.base_url}hub/static/"
        report_to = settings.tornado_settings.csp_report_uri or f"{settings.base_url}hub/security/csp-report"
        policy = f"frame-ancestors 'none'; report-uri {report_to}"
        self._of_others = self._joined(settings, policy)
        self._of_pages = self._joined(settings, f"{policy}; {OF_PAGES}")
        self._below = _all_below(settings.subdomain_host)
        self._of_api = self._joined(settings, f"{policy}; default-src 'none'")

    def add(
        self,
        headers: Headers,
        path: str,
        *of_request: tuple[str, str],
        nonce: str = "",
        form_targets: Collection[str] = (),
        style_attributes: bool = False,
    ) -> None:
        """`of_request`: others of our own. `nonce`: of a page that has scripts or styles of its own, the forms of which
        may lead to `form_targets`, and the elements of which may have `style_attributes`.
        """
        page = self._of_page(nonce, form_targets, style_attributes) if nonce else self._of(path)
        ours = (*page, *of_request)
        _put(headers, ours, _names_of(tuple([name for name, _ in ours])))

    def _of_page(
        self, nonce: str, form_targets: Collection[str], style_attributes: bool
    ) -> Iterable[tuple[str, str]]:
        targets = "".join(f" {one}" for one in (*self._below, *sorted(form_targets)))
        styles = "; style-src-attr 'unsafe-inline'" if style_attributes else ""
        return (
            (
                name,
                value.replace(NONCE, nonce).replace(FORM_TARGETS, targets).replace(STYLE_ATTRIBUTES, styles),
            )
            for name, value in self._of_pages
        )

    def _of(self, path: str) -> Iterable[tuple[str, str]]:
        if is_api(path, self._base_url):
            return self._of_api
        return (("X-Content-Type-Options", "nosniff"),) if path.startswith(self._static) else self._of_others

    def _joined(self, settings: HubSettings, policy: str) -> list[tuple[str, str]]:
        ours = {
            "X-JupyterHub-Version": version.COMPATIBLE,
            "X-Callboard-Version": version.OWN,
            "Access-Control-Allow-Headers": "accept, content-type, authorization",
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "strict-origin",  # links leave the hub without the codes and tickets of its URLs
        }
        given = settings.tornado_settings.headers
        replaced = {name.lower() for name in given}
        kept = [(name, value) for name, value in ours.items() if name.lower() not in replaced]
        try:
            return list(Headers([*kept, *given.items()]))  # looked at once, not with each answer
        except ValueError as error:
            raise ConfigError(f"c.JupyterHub.tornado_settings['headers']: {error}") from error


def _put(headers: Headers, ours: Sequence[tuple[str, str]], names: Set[str]) -> None:
    """Instead of those of the same names. There is no line break in ours, so that they need not be looked at."""
    if names.isdisjoint([name.lower() for name, _ in headers._list]):
        headers._list.extend(ours)
    else:
        headers.update(ours)


@lru_cache(maxsize=16)
def _names_of(titles: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(str.lower, titles))


def _all_below(subdomain_host: str) -> tuple[str, ...]:
    """What is at home on the hosts below the hub's, as a source of a Content-Security-Policy."""
    parts = urlsplit(subdomain_host)
    return (f"{parts.scheme}://*.{parts.netloc}", subdomain_host) if subdomain_host else ()
