"""What pages share, or are made of: forms, rows, where to go next. No routes."""
