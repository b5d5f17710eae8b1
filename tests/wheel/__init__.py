"""Callboard as people install it: a wheel, by pip, in an environment of its own."""
