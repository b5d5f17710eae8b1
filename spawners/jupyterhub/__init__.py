"""Spawners of JupyterHub's kind behind ours. `adapter.py` is the hub's side; all else lives in a thread with asyncio.

The only part of the spawners that imports jupyterhub, and only where a configuration names such a class.
"""
