"""Classes of JupyterHub's kind that a configuration names: which they are, and what it sets of them."""
