"""Sharing servers, and giving rights away."""
