"""Failed logins: slowed down, and counted in bounded memory."""
