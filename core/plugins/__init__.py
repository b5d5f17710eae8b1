"""What the hub asks of spawners, authenticators and hooks."""
