"""The OpenAPI document, made of routes and types."""
