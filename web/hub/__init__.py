"""The bundle of all parts of a running hub, and what builds it."""
