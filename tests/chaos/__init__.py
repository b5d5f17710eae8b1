"""A real hub and its proxy under faults at random while clients are at work, and what must hold whatever happens.

    schedule.py     from a seed, which faults come when: data
    nemesis.py      injects them into a real hub, and takes them back
    clients.py      change things meanwhile, and record each answer; subjects.py has how
    history.py      what was done, answered, read and found: data
    checker.py      what is wrong with a history: pure
    runner.py       a schedule and its clients, from the beginning to a history

`python -m tests.chaos` runs a seed (`make chaos`).
"""
