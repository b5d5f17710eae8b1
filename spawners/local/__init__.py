"""Servers as processes of this machine: start reading at spawner.py."""
