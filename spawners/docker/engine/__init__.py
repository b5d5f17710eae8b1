"""A Docker engine, asked over its API: where it listens, what it is asked, what it tells."""
