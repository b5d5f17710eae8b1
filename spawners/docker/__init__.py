"""Servers in containers of a Docker engine, or of one that speaks its API: start reading at spawner.py."""
