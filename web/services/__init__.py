"""The hub's side of its services."""
