"""The actor of a user's server: its state, the work it calls for, and who watches what runs."""
