"""Commands that ask a hub through its API: the one of a log on this machine, or another by its URL."""
