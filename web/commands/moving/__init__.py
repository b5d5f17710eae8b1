"""Moving in from JupyterHub, and back."""
