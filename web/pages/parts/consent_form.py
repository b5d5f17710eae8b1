"""What the page shows that asks for somebody's consent."""

from __future__ import annotations

from quart import Response

from web.oauth.provider import AuthorizationRequest
from web.pages.parts.form_targets import lead_to
from web.pages.parts.render import page
from web.rights.oauth_clients import title


async def consent_form(asked: AuthorizationRequest) -> Response:
    lead_to(asked.client.redirect_uri)
    return await page(
        "oauth.html",
        oauth_client=asked.client,
        client_title=title(asked.client.key, asked.client.description),
        allowed_scopes=asked.granted,
        scope_descriptions=asked.consent.described(asked.granted),
    )
