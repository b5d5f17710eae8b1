"""Following a hub: its stream of routes, and what it is told of in turn."""
