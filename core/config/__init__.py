"""From configuration files to checked settings."""
