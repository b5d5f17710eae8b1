"""`callboard doctor`: what would keep a hub from running well on this machine."""
