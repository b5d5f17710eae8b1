"""Sessions, cookies and what is kept of a login."""
