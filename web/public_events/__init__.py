"""The log as the API shows it: to everybody the events of what they may see, and nothing secret.

model.py      the JSON of an event
rules.py      which scope shows which event, and which of its fields
names.py      what things were called at the time, and what they are to a check of scopes now
viewer.py     one caller's view of an event
wanted.py     what of the log a request asks for
feed.py       the latest events, in memory once for all who follow
catching_up.py the next events of the log, or of some histories in it
following.py  from any position to the head and then live, as server-sent events
"""
