"""A hub as a process: from the configuration to its first request, reloads, and its end."""
