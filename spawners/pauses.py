"""How long to wait before looking at the disk again: a process says nothing when it writes there."""

from core.backoff import Backoff

pauses = Backoff(0.0005, 0.05, growth=1.3).delays
