"""One HTTP request: who asks, what was sent, how it is answered. The one room that knows quart's `g`."""
