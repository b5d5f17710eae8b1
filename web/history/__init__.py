"""What happened, as the people who ask may see it."""
