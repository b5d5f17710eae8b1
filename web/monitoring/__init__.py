"""What operators see: metrics, log lines, JupyterHub's event log."""
