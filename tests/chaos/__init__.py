"""A real hub and its proxy, harmed at random while clients are at work, and what must hold whatever happens.

    schedule.py   from a seed, the harm that is done and when: data
    clients.py    who makes and removes things meanwhile, and notes each answer
    history.py    what was done, answered, seen and found: data
    rules.py      what is wrong with a history: pure
    playing.py    carries a schedule out: a run from its beginning to its history

`python -m tests.chaos` plays one (`make chaos`).
"""
