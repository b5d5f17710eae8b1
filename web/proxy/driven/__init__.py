"""Being driven by a hub over the REST API of configurable-http-proxy, instead of following one."""
