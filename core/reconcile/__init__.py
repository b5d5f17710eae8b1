"""What runs against what the log knows: marks, strays, and taking strays in. Pure."""
