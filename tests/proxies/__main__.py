"""Makes what tests of proxies need, and prints where it is."""

from __future__ import annotations

from tests.proxies import configurable_http_proxy

print(configurable_http_proxy())
