"""What has happened, what was true at a time, and what of it is taken elsewhere: read from the log."""
