"""What functions of the configuration are handed: objects with JupyterHub's names, and nothing behind."""
