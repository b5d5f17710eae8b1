"""Servers: their rows, what is told of a start, who waits for one, and what spawners keep."""
