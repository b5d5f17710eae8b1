"""Handlers of shares and share codes."""
