"""Moving in from JupyterHub's database and out again: rows on one side, events and tables on the other.

`source.py`, `database_servers.py` and `in_use.py` read another hub's database by plain SQL; `from_*.py` say what events
its rows come to, and are pure; `plan.py` puts them in order, `moving_in.py` records them. `back.py` and `schema.py` are
the way back.
"""
