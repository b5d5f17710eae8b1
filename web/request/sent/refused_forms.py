"""Why what a browser has sent does not count, and what to set: said on the page, and in the log. Pure."""

from __future__ import annotations

from msgspec import Struct

LONGEST_ORIGIN = 200  # characters that are shown of what a browser calls its origin


class SentForm(Struct, frozen=True):
    """`seen`: where the browser says the form's page is from; "" if it does not. `expected`: where it is to itself.

    `cookie_came`: whether the browser sent the cookie of a login form back. `only_https`: whether it may do so over
    https alone. `by_https`: whether it came by that. `base_url`: of the hub. `is_configured`: whether `public_url` is
    set, which else follows Host.
    """

    is_foreign: bool
    seen: str
    expected: str
    cookie_came: bool = True
    only_https: bool = False
    by_https: bool = False
    base_url: str = "/"
    is_configured: bool = False


def why_refused(form: SentForm) -> str:
    if form.is_foreign:
        return _of_another_site(form)
    if form.cookie_came:
        return "The login form is no longer valid, or your address has changed since. Please try again."
    if form.only_https and not form.by_https:
        return (
            f"Your browser did not send the hub's cookie back: it may do so over https alone, as the configuration has "
            f"it, and this form came over http. The hub's own address is {form.expected}: please log in there. If that "
            "is how you came, the proxies before this hub must set X-Forwarded-Proto, and c.JupyterHub.public_url must "
            "say how browsers address it."
        )
    return (
        "Your browser did not send the hub's cookie back. Please allow cookies for this page, load it again, and try "
        "once more."
    )


def _of_another_site(form: SentForm) -> str:
    seen = form.seen[:LONGEST_ORIGIN]
    if seen in ("", "null"):
        return (
            f"This was sent by a page of another site, which your browser does not name; this hub's own pages are "
            f"at {form.expected}. Please go there and log in. If you did, set c.JupyterHub.public_url to the address "
            "that browsers know this hub by."
        )
    if form.is_configured:
        return (
            f"This was sent from {seen}, and this hub takes itself to be at {form.expected}. If {seen} is this hub's "
            f'own address, set c.JupyterHub.public_url = "{seen}{form.base_url}" (it says how browsers address the '
            "hub), or let the proxies before it pass Host on."
        )
    return (
        f"This was sent from {seen}, and this hub takes itself to be at {form.expected}. If {seen} is this hub's own "
        f'address, set c.JupyterHub.public_url = "{seen}{form.base_url}" (it would say how browsers address the '
        "hub), or let the proxies before it pass Host on."
    )
