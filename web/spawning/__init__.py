"""What the web layer adds to a start or a stop; the actors in core/ do the work."""
