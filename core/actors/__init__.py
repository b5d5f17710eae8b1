"""Tasks that own a state and do the work it calls for."""
