"""How commands reach the hub that runs on a log, through a socket beside it."""
