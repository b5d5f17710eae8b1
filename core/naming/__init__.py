"""Names and ids: what is valid, and how they look in a URL."""
