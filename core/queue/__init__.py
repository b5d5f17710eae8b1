"""How many servers may start, and who waits."""
