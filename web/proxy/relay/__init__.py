"""From a visitor to the server behind a route, and back: one request, or all that follows an upgrade."""
