"""How long to wait before looking at the disk again, which tells nobody of its changes."""

from core.backoff import Backoff

pauses = Backoff(0.0005, 0.05, growth=1.3).delays
