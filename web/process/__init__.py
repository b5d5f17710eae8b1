"""The hub's process."""
