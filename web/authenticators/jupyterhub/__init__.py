"""Authenticators and handlers written for JupyterHub, in a thread with an asyncio loop of its own.

`asking.py` and `known.py` import nothing of JupyterHub's; all else is imported by hubs whose configuration names such
a class or handler, by way of `opening.py`. `world.py` is what lives in the thread, `thread.py` the way into it.
"""
