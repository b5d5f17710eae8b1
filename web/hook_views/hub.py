"""The hub, as `spawner.hub` and `handler.hub`."""

from __future__ import annotations

from web.hook_views.address import AddressView
from web.hook_views.rows import OrmServerView


class HubView(AddressView):
    called = "hub"
    unchangeable = "where the hub is, c.JupyterHub says (hub_ip, hub_port, hub_connect_url, base_url)"

    def __init__(self, base_url: str, api_url: str, public_host: str = "", routespec: str = "") -> None:
        """`api_url`: as servers reach it. `public_host`: with scheme; "" if it is not known."""
        prefix = f"{base_url}hub/"
        super().__init__(
            api_url.removesuffix(f"{prefix}api"),
            prefix,
            "jupyterhub-hub-login",
            api_url=api_url,
            server_name="hub",
            public_host=public_host,
            routespec=routespec or base_url,
        )
        self._know(server=self, orm_server=OrmServerView(self.__dict__))
