"""From credentials to a user who is logged in, and for how long that holds."""
